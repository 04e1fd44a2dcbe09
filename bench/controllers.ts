/**
 * What controllers, scheduler and simulated nodes together make of a wish, from the built files:
 * `npm run build && node bench/controllers.ts [PODS... | namespace] [--rest SECONDS]`. Prints a table with the target
 * beside each figure and ends with 1 when one is missed. Linux only, since processor time is read from /proc.
 *
 * The cluster has the heap that Node gives it by itself: a quarter of the memory, and 4 GB at most. 100,000 pods take
 * more than 2 GB, so that a machine of 8 GB needs NODE_OPTIONS=--max-old-space-size=4096 for them.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Kind } from '../src/api/kind.ts';
import { configMaps } from '../src/api/kinds/config-map.ts';
import { type Deployment, deployments } from '../src/api/kinds/deployment.ts';
import { namespaces } from '../src/api/kinds/namespace.ts';
import { type Client, jsonOf } from '../src/client/client.ts';
import { MeasuredCluster } from './measured-cluster.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rest: { type: 'string', default: '30' } },
});

interface Row {
  readonly what: string;
  readonly figure: number;
  readonly unit: 's' | '%' | 'writes' | 'us' | 'MB' | 'x';
  readonly target?: number;
}
const targets: Readonly<Record<number, number>> = { 1000: 2, 10000: 15 };
/** What a pod may cost of a large size, beside one of the first size. */
const costRatioMax = 1.5;
/** What a simulated node offers. */
const podsPerNode = 110;
const lookAgainMs = 20;
/** The collector tidies up twice what so many starts have left, up to 40 s after the last of them: that is no rest. */
const settleMs = 60_000;
/** Who writes nothing for so long has no more to tell. */
const quietMs = 5_000;
const objectsInNamespace = 5_000;
const patienceMs = 1_200_000;

const nodeKind = { group: '', version: 'v1', kind: 'Node', plural: 'nodes', apiVersion: 'v1' } as Kind;
const start = (nodes: number) =>
  MeasuredCluster.start(['up', '--foreground', '--runtime', 'sim', '--nodes', String(nodes)]);

const rows: Row[] = [];
const sizes = positionals.length > 0 ? positionals.filter((word) => word !== 'namespace').map(Number) : [1_000, 10_000];
const costs: number[] = [];
for (const size of sizes) await deploymentOf(size);
if (positionals.length === 0 || positionals.includes('namespace')) await namespaceOf(objectsInNamespace);
for (const { what, figure, unit, target } of rows) {
  const wanted = target === undefined ? '' : figure <= target ? `  (< ${target})` : `  MISSED: < ${target}`;
  console.log(`${what.padEnd(64)} ${figure.toFixed(2).padStart(9)} ${unit}${wanted}`);
}
process.exitCode = rows.some(({ figure, target }) => target !== undefined && figure > target) ? 1 : 0;

async function deploymentOf(size: number): Promise<void> {
  const nodes = Math.max(3, Math.ceil((size * 1.05) / podsPerNode));
  const cluster = await start(nodes);
  try {
    const client = cluster.client();
    await until(async () => (await client.list({ ...nodeKind })).items.length === nodes);
    await sleep(2_000);
    const seconds = cluster.processorSeconds();
    const begun = performance.now();
    const labels = { app: 'bench' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'any' }] } };
    const spec = { replicas: size, selector: { matchLabels: labels }, template };
    const metadata = { name: 'bench', namespace: 'default' };
    await client.send({ verb: 'create', kind: deployments, object: { metadata, spec } as never });
    await until(async () => {
      const { status } = await client.get<Deployment>(deployments, metadata);
      return status?.readyReplicas === size;
    });
    const took = (performance.now() - begun) / 1_000;
    const used = cluster.processorSeconds() - seconds;
    const target = targets[size];
    const name = `Deployment of ${size} pods on ${nodes} nodes: create to ready`;
    rows.push({ what: name, figure: took, unit: 's', ...(target ? { target } : {}) });
    const cost = (used * 1e6) / size;
    costs.push(cost);
    rows.push({ what: '  processor time for each pod', figure: cost, unit: 'us' });
    const first = costs[0] as number;
    if (costs.length > 1) {
      rows.push({ what: `  beside ${sizes[0]} pods`, figure: cost / first, unit: 'x', target: costRatioMax });
    }
    rows.push({ what: '  memory', figure: cluster.residentMegabytes(), unit: 'MB' });
    await atRest(cluster, client, size);
  } finally {
    await cluster.remove();
  }
}

async function atRest(cluster: MeasuredCluster, client: Client, size: number): Promise<void> {
  const ready = performance.now();
  await untilNothingIsWritten(client);
  rows.push({ what: '  ready to the last event written', figure: (performance.now() - ready) / 1_000, unit: 's' });
  await sleep(settleMs);
  const restMs = Number(values.rest) * 1_000;
  const before = { seconds: cluster.processorSeconds(), writes: await writes(client), at: performance.now() };
  await sleep(restMs);
  const share = (cluster.processorSeconds() - before.seconds) / ((performance.now() - before.at) / 1_000);
  const isPromised = size <= 10_000;
  rows.push({
    what: `  at rest with ${size} pods: processor`,
    figure: share * 100,
    unit: '%',
    ...(isPromised ? { target: 1 } : {}),
  });
  rows.push({ what: '  at rest: writes', figure: (await writes(client)) - before.writes, unit: 'writes', target: 0 });
  rows.push({ what: '  at rest: memory', figure: cluster.residentMegabytes(), unit: 'MB' });
}

/** Events of pods wait until pods are served: of 100,000 of them for minutes. */
async function untilNothingIsWritten(client: Client): Promise<void> {
  for (let before = -1, now = await writes(client); now !== before; ) {
    await sleep(quietMs);
    before = now;
    now = await writes(client);
  }
}

async function namespaceOf(count: number): Promise<void> {
  const cluster = await start(3);
  try {
    const client = cluster.client();
    await client.send({ verb: 'create', kind: namespaces, object: { metadata: { name: 'full' } } as never });
    for (let made = 0; made < count; made += 100) {
      const some = Array.from({ length: 100 }, (_, n) => ({ name: `map-${made + n}`, namespace: 'full' }));
      await Promise.all(
        some.map((metadata) => client.send({ verb: 'create', kind: configMaps, object: { metadata } as never })),
      );
    }
    const begun = performance.now();
    await client.send({ verb: 'delete', kind: namespaces, key: { namespace: '', name: 'full' } });
    await until(async () => !(await client.list(namespaces)).items.some(({ metadata }) => metadata.name === 'full'));
    const took = (performance.now() - begun) / 1_000;
    rows.push({ what: `namespace with ${count} objects: deleted to gone`, figure: took, unit: 's', target: 3 });
  } finally {
    await cluster.remove();
  }
}

/** Writes so far, of everything but leases. */
async function writes(client: Client): Promise<number> {
  const response = await client.request({ method: 'GET', path: '/metrics', headers: { accept: 'text/plain' } });
  const text =
    'body' in response && 'bytes' in response.body
      ? new TextDecoder().decode(response.body.bytes)
      : String(await jsonOf(response));
  let sum = 0;
  for (const line of text.split('\n')) {
    const found = /^apiserver_request_total\{(.*)\} (\d+)/.exec(line);
    if (!found || !/verb="(POST|PUT|PATCH|DELETE|APPLY|DELETECOLLECTION)"/.test(found[1] as string)) continue;
    if (/resource="(leases)?"/.test(found[1] as string)) continue;
    sum += Number(found[2]);
  }
  return sum;
}

async function until(isDone: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!(await isDone())) {
    if (performance.now() > end) throw new Error(`not within ${patienceMs / 1_000} s`);
    await sleep(lookAgainMs);
  }
}
