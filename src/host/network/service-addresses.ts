import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
// A number that routing tools show beside the route: by it we know ours again, even after a crash.
const routeMark = '107';

/**
 * Makes a whole range of addresses this machine's own, so that a ClusterIP can be listened at. The kernel remembers it
 * until removeServiceAddresses or the next boot; asking again changes nothing. False where it cannot be done.
 */
export async function addServiceAddresses(range: string): Promise<boolean> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    if (!(await ours()).includes(range)) await ip('route', 'add', 'local', range, 'dev', 'lo', 'proto', routeMark);
    return true;
  } catch {
    // Without the tool, without the right, or with a route there that is not ours.
    return false;
  }
}

/** Takes one range away again, or all that were ever added. Answers which. */
export async function removeServiceAddresses(range?: string): Promise<readonly string[]> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return [];
  const found = await ours().catch((): readonly string[] => []);
  const removed: string[] = [];
  for (const known of found) {
    if (range !== undefined && known !== range) continue;
    await ip('route', 'del', 'local', known, 'dev', 'lo', 'proto', routeMark);
    removed.push(known);
  }
  return removed;
}

async function ours(): Promise<readonly string[]> {
  const shown = await ip('route', 'show', 'table', 'local', 'proto', routeMark);
  return [...shown.matchAll(/^local (\S+)/gm)].map((line) => line[1] as string);
}

async function ip(...args: readonly string[]): Promise<string> {
  return (await run('ip', args, { timeout: 5_000 })).stdout;
}
