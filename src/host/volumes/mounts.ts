import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Only root on Linux may mount. */
export const canMount = process.platform === 'linux' && process.getuid?.() === 0;

/** A folder that is kept in memory. Its mode is that of a folder open to all. */
export async function mountMemory(path: string, bytesMax: number | undefined): Promise<void> {
  const size = bytesMax === undefined ? '' : `,size=${bytesMax}`;
  await run('mount', ['-t', 'tmpfs', '-o', `mode=777${size}`, 'tmpfs', path]);
}

export async function mountBind(source: string, target: string): Promise<void> {
  await run('mount', ['--bind', source, target]);
}

/** Also while somebody still uses it: it goes when they do. */
export async function unmount(path: string): Promise<void> {
  await run('umount', ['--lazy', path]);
}

/** The deepest first. */
export async function mountsBelow(path: string): Promise<readonly string[]> {
  if (!canMount) return [];
  const table = await readFile('/proc/self/mountinfo', 'utf8');
  const places = table.split('\n').map((line) => unescaped(line.split(' ')[4] ?? ''));
  return places.filter((place) => place.startsWith(`${path}/`)).sort((a, b) => b.length - a.length);
}

/** The kernel writes blanks and backslashes as octal numbers. */
const unescaped = (text: string): string =>
  text.replaceAll(/\\(\d{3})/g, (_whole, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
