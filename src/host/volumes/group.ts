import { chmod, lchown, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const setGroupOfNewFiles = 0o2000;
const folderBits = 0o110;
const writableBits = 0o660;
const readableBits = 0o440;

/**
 * Everything below belongs to the pod's group, and what is made there later does too. Only root can do that: for
 * everybody else the files are theirs as they are.
 */
export async function giveToGroup(
  path: string,
  group: number | undefined,
  access: 'writable' | 'readable',
): Promise<void> {
  if (group === undefined || process.getuid?.() !== 0) return;
  await give(path, group, access === 'writable' ? writableBits : readableBits);
}

/** Owners stay, and nobody loses a right. Links lead elsewhere, and are not followed. */
async function give(path: string, group: number, bits: number): Promise<void> {
  const found = await lstat(path);
  await lchown(path, found.uid, group);
  if (found.isDirectory()) {
    await chmod(path, (found.mode & 0o7777) | setGroupOfNewFiles | folderBits | bits);
    for (const name of await readdir(path)) await give(join(path, name), group, bits);
  } else if (found.isFile()) await chmod(path, (found.mode & 0o7777) | bits);
}
