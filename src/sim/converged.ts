import { type Kind, resourceText } from '../api/kind.ts';
import { type Deployment, deployments } from '../api/kinds/deployment.ts';
import { endpointSlices } from '../api/kinds/endpoint-slice.ts';
import { isFinished, isReady, type Pod, pods } from '../api/kinds/pod.ts';
import { replicaSets } from '../api/kinds/replica-set.ts';
import { services } from '../api/kinds/service.ts';
import { statefulSets } from '../api/kinds/stateful-set.ts';
import { controllerOf, type KubeObject, keyOf, keyText } from '../api/object.ts';
import { matcherOf } from '../api/selector.ts';
import { StopSource } from '../base/stop.ts';
import type { Change } from '../store/store.ts';
import { ContainerChecker } from './check-containers.ts';
import { RevisionChecker } from './check-store.ts';
import { folderOf, Violation } from './checker.ts';
import type { SimCluster } from './cluster.ts';

const name = 'converged';

/** What must be true some time after the last fault: every wish fulfilled, nothing left over. */
export async function checkConverged(cluster: SimCluster): Promise<void> {
  const entries = (await cluster.store.list('/')).entries;
  for (const checker of cluster.checkers) {
    if (checker instanceof RevisionChecker) checker.compare(entries);
    if (checker instanceof ContainerChecker) checker.noneLeft();
  }
  const all = await Promise.all(
    [deployments, replicaSets, pods, services, endpointSlices].map((kind) => listOf(cluster, kind as unknown as Kind)),
  );
  const uids = new Set(entries.map(({ value }) => (value as unknown as KubeObject).metadata.uid));
  for (const { metadata, kind } of all.flat()) {
    if (metadata.deletionTimestamp) throw new Violation(name, `${kind} ${metadata.name} is still being deleted`);
    const orphan = metadata.ownerReferences?.find(({ uid }) => !uids.has(uid));
    if (orphan) throw new Violation(name, `${kind} ${metadata.name} outlived its owner ${orphan.name}`);
  }
  const [wanted = [], , running = []] = all as unknown as readonly [Deployment[], unknown[], Pod[]];
  for (const deployment of wanted) checkDeployment(deployment, running);
  for (const set of await listOf(cluster, statefulSets as unknown as Kind)) checkStatefulSet(set, running);
  await checkEndpoints(cluster, running);
}

function checkDeployment(deployment: Deployment, all: readonly Pod[]): void {
  const { spec, status = {}, metadata } = deployment;
  const matches = matcherOf(spec.selector);
  const mine = all.filter((pod) => pod.metadata.namespace === metadata.namespace && matches(pod.metadata.labels));
  const ready = mine.filter((pod) => isReady(pod) && !isFinished(pod)).length;
  const { replicas = 1 } = spec;
  const told = `${status.updatedReplicas ?? 0} updated, ${status.readyReplicas ?? 0} ready`;
  if (
    ready === replicas &&
    status.readyReplicas === (replicas || undefined) &&
    (status.updatedReplicas ?? 0) === replicas
  )
    return;
  const states = mine.map((pod) => `${pod.metadata.name} ${pod.status?.phase} on ${pod.spec.nodeName ?? 'no node'}`);
  const text = `${keyText(keyOf(deployment))} wants ${replicas}, has ${ready} ready pods (${told}): ${states.join(', ')}`;
  throw new Violation(name, text);
}

function checkStatefulSet({ metadata, spec }: KubeObject, all: readonly Pod[]): void {
  const { replicas = 1 } = spec as { readonly replicas?: number };
  const mine = all.filter((pod) => controllerOf(pod)?.uid === metadata.uid && isReady(pod) && !isFinished(pod));
  if (mine.length === replicas) return;
  throw new Violation(name, `stateful set ${metadata.name} wants ${replicas} and has ${mine.length} ready pods`);
}

async function checkEndpoints(cluster: SimCluster, all: readonly Pod[]): Promise<void> {
  const slices = (await cluster.admin.list(endpointSlices)).items;
  for (const service of (await cluster.admin.list(services)).items) {
    const { selector } = service.spec as { readonly selector?: Readonly<Record<string, string>> };
    if (!selector) continue;
    const matches = matcherOf({ matchLabels: selector });
    const { namespace } = service.metadata;
    const inside = (object: KubeObject) => object.metadata.namespace === namespace;
    const wanted = all.filter((pod) => inside(pod) && matches(pod.metadata.labels) && isReady(pod));
    const own = slices.filter(
      (slice) => inside(slice) && slice.metadata.ownerReferences?.[0]?.uid === service.metadata.uid,
    );
    const ready = own
      .flatMap(({ endpoints }) => endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false);
    const found = ready.flatMap(({ addresses }) => addresses).sort();
    const expected = wanted.map((pod) => pod.status?.podIP ?? '').sort();
    if (found.join() !== expected.join())
      throw new Violation(name, `${service.metadata.name} leads to ${found.join()}, ready are ${expected.join()}`);
  }
}

const beating = new Set(['/coordination.k8s.io/leases/', '/core/nodes/']);

/** Nothing is written any more but what beats: leases, and now and then a node's status. */
export async function checkQuiet(cluster: SimCluster, durationMs: number): Promise<void> {
  const from = cluster.store.revision;
  const written: string[] = [];
  const { stop, watcher } = collect(written);
  cluster.store.watch('/', from, watcher, stop);
  await cluster.run(durationMs);
  stop.stop();
  if (written.length > 0) throw new Violation('quiet', `nothing happens, and yet was written: ${written.join(', ')}`);
}

function collect(written: string[]) {
  const stop = new StopSource();
  const take = (batch: readonly Change[]) => {
    for (const { entry, type } of batch) if (!beating.has(folderOf(entry.key))) written.push(`${type} ${entry.key}`);
    return 'more' as const;
  };
  return { stop, watcher: { take, closed: () => {} } };
}

const listOf = async (cluster: SimCluster, kind: Kind): Promise<readonly KubeObject[]> => {
  const { items } = await cluster.admin.list(kind);
  return items.map((object) => ({ ...object, kind: object.kind ?? resourceText(kind) }));
};
