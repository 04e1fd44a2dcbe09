import type { Stats } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MountError } from '../../agent/volumes.ts';

interface Type {
  readonly words: string;
  is(found: Stats): boolean;
}
const types: Readonly<Record<string, Type>> = {
  Directory: { words: 'a directory', is: (found) => found.isDirectory() },
  File: { words: 'a file', is: (found) => found.isFile() },
  Socket: { words: 'a socket file', is: (found) => found.isSocket() },
  CharDevice: { words: 'a character device', is: (found) => found.isCharacterDevice() },
  BlockDevice: { words: 'a block device', is: (found) => found.isBlockDevice() },
};

/** A path of the machine, as it is; made where its type says so, refused where it is something else. */
export async function checkedHostPath(path: string, type: string): Promise<string> {
  if (type === 'DirectoryOrCreate') {
    await mkdir(path, { recursive: true, mode: 0o755 });
    return checkedHostPath(path, 'Directory');
  }
  if (type === 'FileOrCreate') {
    // Upstream makes the file and not the folder around it.
    if (await exists(dirname(path))) await (await open(path, 'a', 0o644)).close();
    return checkedHostPath(path, 'File');
  }
  const wanted = types[type];
  if (!wanted) {
    // An engine refuses a source that is missing; upstream's mounts make a folder of it.
    if (!(await exists(path))) await mkdir(path, { recursive: true, mode: 0o755 });
    return path;
  }
  const found = await stat(path).catch(() => undefined);
  if (!found || !wanted.is(found)) throw new MountError(`hostPath type check failed: ${path} is not ${wanted.words}`);
  return path;
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
