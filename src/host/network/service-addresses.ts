import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { hash32 } from '../../base/hash.ts';

const run = promisify(execFile);
// A number that routing tools show beside the route: by it we know ours again, even after a crash.
const routeMark = '107';

/**
 * Makes a whole range of addresses this machine's own, so that a ClusterIP can be listened at. The kernel remembers it
 * until removeServiceAddresses or the next boot; asking again changes nothing. False where it cannot be done.
 * Clusters that share a range have a route each, told apart by its metric: whoever ends takes only their own away.
 */
export async function addServiceAddresses(range: string, cluster: string): Promise<boolean> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    if (!(await has(range, cluster))) await ip('route', 'add', ...route(range, cluster));
    return true;
  } catch {
    // Without the tool, without the right, or with a route there that is not ours.
    return false;
  }
}

/** Answers whether there was something to take away. */
export async function removeServiceAddresses(range: string, cluster: string): Promise<boolean> {
  if (!(await has(range, cluster).catch(() => false))) return false;
  await ip('route', 'del', ...route(range, cluster));
  return true;
}

const route = (range: string, cluster: string): readonly string[] => [
  'local',
  range,
  'dev',
  'lo',
  'proto',
  routeMark,
  'metric',
  metricOf(cluster),
];

const metricOf = (cluster: string): string => String(1 + (hash32(cluster) >>> 1));

async function has(range: string, cluster: string): Promise<boolean> {
  const shown = await ip('route', 'show', 'table', 'local', 'proto', routeMark);
  return shown
    .split('\n')
    .some((line) => line.startsWith(`local ${range} `) && line.includes(` metric ${metricOf(cluster)} `));
}

async function ip(...args: readonly string[]): Promise<string> {
  return (await run('ip', args, { timeout: 5_000 })).stdout;
}
