import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const blockBytes = 512;

/** What everything below takes on the disk: files with holes take less than they say. Missing is nothing. */
export async function bytesBelow(path: string): Promise<number> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return 0;
  const own = process.platform === 'win32' ? found.size : found.blocks * blockBytes;
  if (!found.isDirectory()) return own;
  let sum = own;
  for (const name of await readdir(path).catch(() => [])) sum += await bytesBelow(join(path, name));
  return sum;
}
