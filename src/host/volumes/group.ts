import { chmod, lchown, readdir } from 'node:fs/promises';
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
  const bits = access === 'writable' ? writableBits : readableBits;
  await giveFolder(path, group, bits);
}

async function giveFolder(path: string, group: number, bits: number): Promise<void> {
  await lchown(path, 0, group);
  await chmod(path, 0o755 | setGroupOfNewFiles | folderBits | bits);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) await giveFolder(child, group, bits);
    else await lchown(child, 0, group);
  }
}
