/**
 * Containers of a Deployment against the same containers of plain `docker run`, in one run on one engine:
 * `node bench/docker.ts [how many]`. The figures are ratios: the machine is shared, and engines differ. Plain runs share
 * the engine's own bridge, where nobody chooses an address; a second kind of them has a network and addresses as pods
 * have, and shows how much of the difference is the engine's.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { deployments } from '../src/api/kinds/deployment.ts';
import { type Pod, pods } from '../src/api/kinds/pod.ts';
import type { Client } from '../src/client/client.ts';
import { busybox, testEngine } from '../src/host/runtime/docker/busybox.test-data.ts';
import { MeasuredCluster } from './measured-cluster.ts';
import { isReady, WatchedPods } from './watched-pods.ts';

const count = Number(process.argv[2] ?? 30);
/** As many `docker run` at a time as the engine does best with. */
const atOnce = 8;
const rounds = 3;
const settleMs = 5_000;
const restMs = 30_000;
const labels = { app: 'bench' };
const command = ['sh', '-c', 'trap "exit 0" TERM; while true; do sleep 1; done'];

const found = await testEngine();
if ('missing' in found) {
  console.log(`skipped: ${found.missing}`);
  process.exit(0);
}
const { client: engine } = found.engine;
const cluster = await MeasuredCluster.start([
  'up',
  '--foreground',
  '--runtime',
  'docker',
  '--pod-range',
  '10.239.0.0/16',
]);
try {
  const client = cluster.client();
  const watched = new WatchedPods(client);
  const plain: number[] = [];
  const addressed: number[] = [];
  const ours: number[] = [];
  // In turn, so that what else the machine does meets both.
  for (let round = 0; round < rounds; round++) {
    plain.push(await plainRuns(() => ({})));
    addressed.push(await addressedRuns());
    ours.push(await deployed(client, watched));
  }
  await atRest(client, watched);
  await killed(client, watched);
  await watched.end();
  print(`${count} containers, docker run ${atOnce} at a time`, plain);
  print(`the same in a network with addresses of their own`, addressed);
  print(`${count} containers, Deployment until all are Ready`, ours);
  const ratio = (runs: readonly number[]) => (median(runs) / median(ours)).toFixed(2);
  console.log(
    `ratio of the medians: ${ratio(plain)} of docker run's pace (target 0.90), ${ratio(addressed)} with addresses`,
  );
} finally {
  await cluster.remove();
}

/** What `docker run -d` does, without the time that its client takes to start: create, then start. */
async function plainRuns(more: () => object): Promise<number> {
  const ids: string[] = [];
  let left = count;
  const begun = performance.now();
  await several(async () => {
    while (left-- > 0) {
      const body = { Image: busybox, Cmd: command, ...more() };
      const { Id: id } = await engine.json<{ readonly Id: string }>('POST', '/containers/create', { body });
      ids.push(id);
      await engine.json('POST', `/containers/${id}/start`);
    }
  });
  const took = performance.now() - begun;
  await several(async () => {
    for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
      await engine.json('DELETE', `/containers/${id}`, { query: { force: true } });
    }
  });
  return took;
}

async function addressedRuns(): Promise<number> {
  const name = 'mini-k8s-bench';
  await engine.json('POST', '/networks/create', {
    body: { Name: name, IPAM: { Config: [{ Subnet: '10.238.0.0/16' }] } },
  });
  let next = 1;
  try {
    return await plainRuns(() => {
      next++;
      const IPAMConfig = { IPv4Address: `10.238.${next >> 8}.${next & 255}` };
      return { HostConfig: { NetworkMode: name }, NetworkingConfig: { EndpointsConfig: { [name]: { IPAMConfig } } } };
    });
  } finally {
    await engine.json('DELETE', `/networks/${name}`);
  }
}

/** What the whole product needs while as many pods run and nobody does anything; and what each of them had cost. */
async function atRest(client: Client, watched: WatchedPods): Promise<void> {
  const before = cluster.processorSeconds();
  await client.send({ verb: 'create', kind: deployments, object: deployment('resting', count) as never });
  await watched.until((all) => all.filter(isReady).length === count);
  const each = ((cluster.processorSeconds() - before) * 1000) / count;
  await sleep(settleMs);
  const [began, used] = [performance.now(), cluster.processorSeconds()];
  await sleep(restMs);
  const share = (cluster.processorSeconds() - used) / ((performance.now() - began) / 1000);
  await client.send({ verb: 'delete', kind: deployments, key: { namespace: 'default', name: 'resting' } });
  await watched.until((all) => all.length === 0);
  console.log(`processor of the whole product: ${each.toFixed(0)} ms for each pod that was made`);
  console.log(`at rest with ${count} pods: ${(share * 100).toFixed(2)} % of a core (target 1 %)`);
}

async function deployed(client: Client, watched: WatchedPods): Promise<number> {
  const begun = performance.now();
  await client.send({ verb: 'create', kind: deployments, object: deployment('bench', count) as never });
  const ready = await watched.until((all) => all.filter(isReady).length === count);
  await client.send({ verb: 'delete', kind: deployments, key: { namespace: 'default', name: 'bench' } });
  await watched.until((all) => all.length === 0);
  return ready - begun;
}

/** From the end of a container, by its engine, to its pod being ready again; and of a pod that is deleted. */
async function killed(client: Client, watched: WatchedPods): Promise<void> {
  await client.send({ verb: 'create', kind: deployments, object: deployment('healed', 1) as never });
  await watched.until((all) => all.filter(isReady).length === 1);
  const restarts = ({ status }: Pod) => status?.containerStatuses?.[0]?.restartCount ?? 0;
  const uid = (watched.list()[0] as Pod).metadata.uid;
  const query = { filters: { label: [`io.kubernetes.pod.uid=${uid}`] } };
  const [container] = await engine.json<readonly { readonly Id: string }[]>('GET', '/containers/json', { query });
  const begun = performance.now();
  await engine.json('POST', `/containers/${container?.Id}/kill`);
  const again = await watched.until((all) => all.some((pod) => restarts(pod) === 1 && isReady(pod)));
  const deleted = performance.now();
  const key = { namespace: 'default', name: (watched.list()[0] as Pod).metadata.name };
  await client.send({ verb: 'delete', kind: pods, key });
  const replaced = await watched.until((all) => all.some((pod) => pod.metadata.uid !== uid && isReady(pod)));
  console.log(`a killed container is ready again after ${(again - begun).toFixed(0)} ms (target 500 and a start)`);
  console.log(`a deleted pod is replaced by a ready one after ${(replaced - deleted).toFixed(0)} ms`);
}

function deployment(name: string, replicas: number) {
  const containers = [{ name: 'c', image: busybox, command }];
  const spec = { terminationGracePeriodSeconds: 1, containers };
  const template = { metadata: { labels }, spec };
  return { metadata: { name, namespace: 'default' }, spec: { replicas, selector: { matchLabels: labels }, template } };
}

async function several(work: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: atOnce }, work));
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

function print(what: string, times: readonly number[]): void {
  const pace = count / (median(times) / 1000);
  console.log(`${what}: ${times.map((ms) => `${ms.toFixed(0)} ms`).join(', ')}; ${pace.toFixed(1)} a second`);
}
