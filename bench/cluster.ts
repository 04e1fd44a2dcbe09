/**
 * What a cluster costs, from the built files: `npm run bench`. Prints a table with the target beside each figure and
 * ends with 1 when one is missed. Linux only, since memory and processor time are read from /proc.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { deployments } from '../src/api/kinds/deployment.ts';
import { type Pod, pods } from '../src/api/kinds/pod.ts';
import type { Client } from '../src/client/client.ts';
import { MeasuredCluster } from './measured-cluster.ts';
import { isReady, WatchedPods } from './watched-pods.ts';

interface Row {
  readonly what: string;
  readonly figure: number;
  readonly unit: 'ms' | 'MB' | '%';
  readonly target?: number;
}

const starts = 5;
/** Until the heap was tidied, which is part of no rest. */
const settleMs = 6_000;
const idleMs = 10_000;
const firstPods = 5;
const manyPods = 50;
const up = ['up', '--foreground', '--runtime', 'process'];
const labels = { app: 'bench' };
const podSpec = {
  terminationGracePeriodSeconds: 1,
  containers: [{ name: 'sleep', image: 'host', command: ['sleep', '3600'] }],
};

const rows: Row[] = [];
rows.push({ what: 'server: start to ready', figure: await startToReady(['server']), unit: 'ms', target: 500 });
rows.push({ what: 'up: start to ready', figure: await startToReady(up), unit: 'ms', target: 500 });
await idle('server', ['server'], 90);
await idle('up', up, 120);
await work();
print();

/** The median of starts on an empty data folder, keys and certificates included. */
async function startToReady(words: readonly string[]): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < starts; round++) {
    const cluster = await MeasuredCluster.start(words);
    times.push(cluster.readyMs);
    await cluster.remove();
  }
  return median(times);
}

async function idle(name: string, words: readonly string[], memoryTarget: number): Promise<void> {
  const cluster = await MeasuredCluster.start(words);
  await sleep(settleMs);
  const before = { seconds: cluster.processorSeconds(), at: performance.now() };
  await sleep(idleMs);
  const share = (cluster.processorSeconds() - before.seconds) / ((performance.now() - before.at) / 1000);
  rows.push({ what: `${name}: memory at rest`, figure: cluster.residentMegabytes(), unit: 'MB', target: memoryTarget });
  rows.push({ what: `${name}: processor at rest`, figure: share * 100, unit: '%', target: 1 });
  await cluster.remove();
}

async function work(): Promise<void> {
  let cluster = await MeasuredCluster.start(up);
  try {
    const client = cluster.client();
    const watched = new WatchedPods(client);
    await sleep(settleMs);
    rows.push({ what: 'first pod: create to ready', figure: await firstPod(client, watched), unit: 'ms', target: 300 });
    await several(client, watched);
    rows.push({ what: `up: memory with ${manyPods} pods`, figure: cluster.residentMegabytes(), unit: 'MB' });
    await watched.end();
    const folder = await cluster.end();
    cluster = await MeasuredCluster.start(up, folder);
    rows.push({ what: `up: start to ready with ${manyPods} pods known`, figure: cluster.readyMs, unit: 'ms' });
  } finally {
    await cluster.remove();
  }
}

/** A pod alone, of a command of the machine. The median of a few, one after another. */
async function firstPod(client: Client, watched: WatchedPods): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < firstPods; round++) {
    const name = `first-${round}`;
    const begun = performance.now();
    const seen = watched.until((all) => all.some((pod) => pod.metadata.name === name && isReady(pod)));
    const object = { metadata: { name, namespace: 'default' }, spec: podSpec };
    await client.send<Pod>({ verb: 'create', kind: pods, object: object as never });
    times.push((await seen) - begun);
    await client.send({ verb: 'delete', kind: pods, key: { namespace: 'default', name } });
  }
  await watched.until((all) => all.length === 0);
  return median(times);
}

async function several(client: Client, watched: WatchedPods): Promise<void> {
  const begun = performance.now();
  const spec = {
    replicas: manyPods,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: podSpec },
  };
  const object = { metadata: { name: 'bench', namespace: 'default' }, spec };
  await client.send({ verb: 'create', kind: deployments, object: object as never });
  const allReady = (all: readonly Pod[]) => all.filter(isReady).length === manyPods;
  const ready = await watched.until(allReady);
  rows.push({ what: `${manyPods} pods of a Deployment: create to ready`, figure: ready - begun, unit: 'ms' });
  rows.push({ what: 'a process killed: to running again', figure: await killed(watched), unit: 'ms', target: 1_000 });
  const victim = watched.list()[0] as Pod;
  const deleted = performance.now();
  const without = (all: readonly Pod[]) =>
    allReady(all.filter(({ metadata }) => metadata.uid !== victim.metadata.uid && !metadata.deletionTimestamp));
  const healed = watched.until(without);
  const key = { namespace: 'default', name: victim.metadata.name };
  await client.send({ verb: 'delete', kind: pods, key });
  rows.push({ what: 'a pod deleted: to as many ready again', figure: (await healed) - deleted, unit: 'ms' });
}

/** A process ended from outside, until its pod is ready with the next one. */
async function killed(watched: WatchedPods): Promise<number> {
  const { metadata } = watched.list()[0] as Pod;
  const begun = performance.now();
  const again = watched.until((all) =>
    all.some((pod) => pod.metadata.uid === metadata.uid && isReady(pod) && restartsOf(pod) > 0),
  );
  process.kill(processOf(metadata.name), 'SIGKILL');
  return (await again) - begun;
}

function restartsOf({ status }: Pod): number {
  return status?.containerStatuses?.[0]?.restartCount ?? 0;
}

/** The program of a pod knows the pod's name from its environment; so does the shim, which is told apart by its words. */
function processOf(pod: string): number {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const read = (file: string) => readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\0');
    try {
      if (read('environ').includes(`HOSTNAME=${pod}`) && read('cmdline')[0] === 'sleep') return Number(pid);
    } catch {
      // It ended while we were looking.
    }
  }
  throw new Error(`no process of pod ${pod} was found`);
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

function print(): void {
  const lines = rows.map(({ what, figure, unit, target }) => {
    const shown = `${figure.toFixed(unit === '%' ? 2 : 0)} ${unit}`.padStart(10);
    if (target === undefined) return `${what.padEnd(46)}${shown}`;
    return `${what.padEnd(46)}${shown}   target < ${target} ${unit}${figure < target ? '' : '   MISSED'}`;
  });
  console.log(lines.join('\n'));
  if (rows.some(({ figure, target }) => target !== undefined && !(figure < target))) process.exitCode = 1;
}
