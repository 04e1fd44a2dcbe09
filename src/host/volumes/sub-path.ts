import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, realpath, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { SubPathError } from '../../agent/volumes.ts';
import { canMount, mountBind, mountsBelow, unmount } from './mounts.ts';

/** Linux: a handle that only names a file. Nothing is opened, so that no device and no pipe is touched. */
const onlyName = 0o10000000;

/**
 * A path inside a volume. A container can put links into its volumes at any time, also between our look and the
 * engine's mount: so where we may mount, the place that was looked at is pinned by a mount of its own. Elsewhere the
 * real path is given, and a pod that changes its own links at that very moment could still lead it astray.
 */
export async function insideOf(folder: string, path: string, pin: string): Promise<string> {
  const root = await realpath(folder);
  const wanted = join(root, path);
  if (!isInside(root, wanted)) throw outside(path);
  await makeMissing(root, path);
  const real = await realpath(wanted);
  if (!isInside(root, real)) throw outside(path);
  return canMount ? pinned({ root, real, pin, path }) : real;
}

/** The real path, or nothing where it is missing or leads out. */
export async function insideIfThere(folder: string, path: string): Promise<string | undefined> {
  const root = await realpath(folder);
  const real = await realpath(join(root, path)).catch(() => undefined);
  return real !== undefined && isInside(root, real) && (await stat(real)).isFile() ? real : undefined;
}

interface Place {
  readonly root: string;
  readonly real: string;
  readonly pin: string;
  readonly path: string;
}

async function pinned({ root, real, pin, path }: Place): Promise<string> {
  const handles: FileHandle[] = [];
  try {
    let handle = await open(root, constants.O_DIRECTORY | onlyName);
    handles.push(handle);
    for (const part of relative(root, real).split(sep).filter(Boolean)) {
      // Each step starts at what the step before has found, and follows no link.
      const flags = onlyName | constants.O_NOFOLLOW;
      handle = await open(`/proc/self/fd/${handle.fd}/${part}`, flags);
      handles.push(handle);
      if ((await handle.stat()).isSymbolicLink()) throw outside(path);
    }
    await mkdir(dirname(pin), { recursive: true });
    for (const mounted of await mountsBelow(dirname(pin))) if (mounted === pin) await unmount(mounted);
    if ((await handle.stat()).isDirectory()) await mkdir(pin, { recursive: true });
    else await writeFile(pin, '', { flag: 'a' });
    await mountBind(`/proc/${process.pid}/fd/${handle.fd}`, pin);
    return pin;
  } finally {
    for (const handle of handles) await handle.close();
  }
}

/** Step by step, so that no folder is ever made outside. */
async function makeMissing(root: string, path: string): Promise<void> {
  let at = root;
  for (const part of path.split('/').filter((word) => word !== '' && word !== '.')) {
    const next = join(at, part);
    const found = await realpath(next).catch(() => undefined);
    if (found !== undefined && !isInside(root, found)) throw outside(path);
    if (found === undefined) {
      const { mode } = await stat(at);
      await mkdir(next, { mode: mode & 0o777 });
    }
    at = found ?? next;
  }
}

const isInside = (root: string, path: string): boolean => path === root || path.startsWith(`${root}${sep}`);

const outside = (path: string): SubPathError =>
  new SubPathError(`subPath ${JSON.stringify(path)} leads out of its volume`);
