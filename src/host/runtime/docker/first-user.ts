import { readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import type { ContainerUser } from '../../../agent/runtime.ts';

interface Configured {
  readonly process?: {
    readonly user?: { readonly uid?: number; readonly gid?: number; readonly additionalGids?: readonly number[] };
  };
}

/**
 * Whom the first process of a container began as. It may be another by now, and the engine does not tell: but the
 * process that looks after it works in a folder of the container's name, where it was written down for it.
 */
export async function firstUser(engineId: string, pid: number): Promise<ContainerUser | undefined> {
  try {
    const parent = /^PPid:\s+(\d+)$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
    const folder = `/proc/${parent}/cwd`;
    if (basename(await readlink(folder)) !== engineId) return undefined;
    const { user } = (JSON.parse(await readFile(`${folder}/config.json`, 'utf8')) as Configured).process ?? {};
    if (!user) return undefined;
    const { uid = 0, gid = 0, additionalGids = [] } = user;
    return { uid, gid, groups: additionalGids };
  } catch {
    // It has ended, or this is not root, or another machine's engine.
    return undefined;
  }
}
