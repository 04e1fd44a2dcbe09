import { chmod, mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FolderWish, SubPath, VolumeGroup, VolumeHost } from '../../agent/volumes.ts';
import { bytesBelow } from './folder-size.ts';
import { giveToGroup } from './group.ts';
import { checkedHostPath } from './host-path.ts';
import { canMount, mountMemory, mountsBelow, unmount } from './mounts.ts';
import { insideIfThere, insideOf } from './sub-path.ts';
import { writeAtomically } from './written-files.ts';

/** Whoever runs in the pod may write, whichever user that is; others do not get as far as here. */
const openMode = 0o777;
/** Linked into the volumes: mounts that pin a path inside one. */
const pinsName = '.inside';
/** The node's own files for a pod: its hosts, its last words. */
const filesName = '.files';
const textBytesMax = 1024 * 1024;

/** The volumes of one node's pods, as folders of this machine: `volumes/<pod>/<volume>`. */
export class FolderVolumes implements VolumeHost {
  readonly #root: string;
  readonly #kept: string;
  /** By folder: writers of one volume come one after another. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(nodeFolder: string) {
    this.#root = join(nodeFolder, 'volumes');
    this.#kept = join(nodeFolder, 'claims');
  }

  async folder(pod: string, volume: string, wish: FolderWish = {}): Promise<string> {
    const path = join(this.#root, named(pod), named(volume));
    return this.#inTurn(path, () => this.#make(path, wish));
  }

  hostPath(path: string, type: string): Promise<string> {
    return checkedHostPath(path, type);
  }

  async inside(folder: string, { pod, mount, path }: SubPath): Promise<string> {
    const pin = join(this.#root, named(pod), pinsName, named(mount));
    return this.#inTurn(pin, () => insideOf(folder, path, pin));
  }

  async file(
    pod: string,
    name: string,
    { text, mode }: { readonly text: string; readonly mode: number },
  ): Promise<string> {
    const path = join(this.#root, named(pod), filesName, named(name));
    return this.#inTurn(path, async () => {
      const there = await readFile(path, 'utf8').catch(() => undefined);
      if (there !== undefined && (text === '' || there === text)) return path;
      await mkdir(dirname(path), { recursive: true });
      // Written into the file that is there, because running containers have mounted that one.
      await writeFile(path, text);
      await chmod(path, mode);
      return path;
    });
  }

  async textOf(pod: string, name: string, bytesMax: number): Promise<string> {
    const path = join(this.#root, named(pod), filesName, named(name));
    return (await beginningOf(path, bytesMax)) ?? '';
  }

  async textInside(folder: string, path: string): Promise<string | undefined> {
    const real = await insideIfThere(folder, path);
    return real === undefined ? undefined : beginningOf(real, textBytesMax);
  }

  bytesIn(pod: string, volume?: string): Promise<number> {
    const folder = join(this.#root, named(pod));
    return bytesBelow(volume === undefined ? folder : join(folder, named(volume)));
  }

  async release(pod: string): Promise<void> {
    const path = join(this.#root, named(pod));
    // Who still writes would find the folder gone, or leave something in it that is being removed.
    const writing = [...this.#turns].filter(([key]) => key.startsWith(`${path}/`));
    await Promise.allSettled(writing.map(([, turn]) => turn));
    // A mount that is still there would have its contents removed: those of a volume, or of the user.
    for (const mounted of await mountsBelow(path)) await unmount(mounted);
    await rm(path, { recursive: true, force: true });
  }

  async kept(name: string, group?: VolumeGroup): Promise<string> {
    const path = join(this.#kept, named(name));
    const made = await mkdir(path, { recursive: true });
    if (made !== undefined) await chmod(path, openMode);
    if (!group) return path;
    return this.#inTurn(path, async () => {
      const right = group.onlyIfRootDiffers && (await stat(path)).gid === group.id;
      if (!right) await giveToGroup(path, group.id, 'writable');
      return path;
    });
  }

  keptNames(): Promise<readonly string[]> {
    return readdir(this.#kept).catch(() => []);
  }

  async dropKept(name: string): Promise<void> {
    await rm(join(this.#kept, named(name)), { recursive: true, force: true });
  }

  /** Folders of pods that nobody knows any more. */
  async held(): Promise<readonly string[]> {
    return readdir(this.#root).catch(() => []);
  }

  async #make(path: string, wish: FolderWish): Promise<string> {
    const made = await mkdir(path, { recursive: true });
    if (made !== undefined) {
      await chmod(path, openMode);
      if (wish.memory && canMount) await mountMemory(path, wish.bytesMax);
      if (!wish.files) await giveToGroup(path, wish.group, 'writable');
    }
    if (wish.files) await writeAtomically(path, wish.files, wish.group);
    return path;
  }

  #inTurn<T>(key: string, action: () => Promise<T>): Promise<T> {
    const next = (this.#turns.get(key) ?? Promise.resolve()).then(action, action);
    this.#turns.set(key, next);
    const done = () => {
      if (this.#turns.get(key) === next) this.#turns.delete(key);
    };
    next.then(done, done);
    return next;
  }
}

/** Names become parts of paths, so they must not lead anywhere else. */
function named(name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/.test(name)) throw new Error(`${JSON.stringify(name)} is no name`);
  return name;
}

async function beginningOf(path: string, bytesMax: number): Promise<string | undefined> {
  const handle = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  });
  if (!handle) return undefined;
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(bytesMax), 0, bytesMax, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
