import { chmod, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FolderWish, SubPath, VolumeHost } from '../../agent/volumes.ts';
import { giveToGroup } from './group.ts';
import { checkedHostPath } from './host-path.ts';
import { canMount, mountMemory, mountsBelow, unmount } from './mounts.ts';
import { insideOf } from './sub-path.ts';
import { writeAtomically } from './written-files.ts';

/** Whoever runs in the pod may write, whichever user that is; others do not get as far as here. */
const openMode = 0o777;
/** Linked into the volumes: mounts that pin a path inside one. */
const pinsName = '.inside';

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

  async release(pod: string): Promise<void> {
    const path = join(this.#root, named(pod));
    // A mount that is still there would have its contents removed: those of a volume, or of the user.
    for (const mounted of await mountsBelow(path)) await unmount(mounted);
    await rm(path, { recursive: true, force: true });
  }

  async kept(name: string): Promise<string> {
    const path = join(this.#kept, named(name));
    const made = await mkdir(path, { recursive: true });
    if (made !== undefined) await chmod(path, openMode);
    return path;
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
