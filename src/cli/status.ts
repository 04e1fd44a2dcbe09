import { type Deployment, deployments } from '../api/kinds/deployment.ts';
import { type EndpointSlice, endpointSlices } from '../api/kinds/endpoint-slice.ts';
import { type Node, nodes } from '../api/kinds/node.ts';
import { conditionOf, isFinished, isReady, type Pod, pods } from '../api/kinds/pod.ts';
import { type Service, services } from '../api/kinds/service.ts';
import { byKey } from '../api/object.ts';
import { matcherOf } from '../api/selector.ts';
import type { Instant } from '../base/env.ts';
import type { Client } from '../client/client.ts';
import { clusterFlags, defineCommand, namespaceFlags } from './command.ts';
import { defineFlags, UsageError } from './flags.ts';
import { podTroubles } from './pod-words.ts';
import { aligned } from './print.ts';

export const status = defineCommand({
  name: 'status',
  summary: 'What should be, what is, and why they differ',
  usage: '[flags]',
  flags: defineFlags({
    output: { type: 'choice', short: 'o', choices: ['text', 'json'], default: 'text', help: 'how it is shown' },
    ...namespaceFlags,
    ...clusterFlags,
  }),
  async run({ io, values, rest, clock, client }) {
    if (rest.length > 0) throw new UsageError('status takes no words: mini-k8s status -n NAMESPACE');
    const report = reportOf(await seen(await client(), values.namespace), clock.now());
    io.out(values.output === 'json' ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
    return 0;
  },
});

/** What the report is made from. */
export interface Seen {
  readonly nodes: readonly Node[];
  readonly deployments: readonly Deployment[];
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  readonly pods: readonly Pod[];
}
export interface Report {
  readonly state: 'STABLE' | 'RECONCILING';
  readonly nodes: readonly {
    readonly name: string;
    readonly ready: boolean;
    readonly pods: number;
    readonly why: string;
  }[];
  readonly deployments: readonly DeploymentLine[];
  readonly services: readonly ServiceLine[];
  readonly attention: readonly string[];
}
interface DeploymentLine {
  readonly namespace: string;
  readonly name: string;
  readonly desired: number;
  readonly ready: number;
  readonly updated: number;
  readonly stable: boolean;
  readonly why: string;
}
interface ServiceLine {
  readonly namespace: string;
  readonly name: string;
  readonly type: string;
  readonly ready: number;
  readonly endpoints: number;
  readonly answersAt: readonly string[];
}

async function seen(client: Client, namespace: string | undefined): Promise<Seen> {
  const query = namespace ? { namespace } : {};
  const [ownNodes, ownDeployments, ownServices, slices, ownPods] = await Promise.all([
    client.list(nodes),
    client.list(deployments, query),
    client.list(services, query),
    client.list(endpointSlices, query),
    client.list(pods, query),
  ]);
  return {
    nodes: ownNodes.items,
    deployments: ownDeployments.items,
    services: ownServices.items,
    slices: slices.items,
    pods: ownPods.items,
  };
}

/** Desired beside actual, for everything at once. */
export function reportOf(world: Seen, now: Instant): Report {
  const ownDeployments = [...world.deployments].sort(byKey).map(deploymentLine);
  const ownNodes = [...world.nodes].sort(byKey).map((node) => nodeLine(node, world.pods));
  const attention = [
    ...ownNodes.filter((node) => !node.ready).map((node) => `node ${node.name} is not ready: ${node.why}`),
    ...[...world.pods]
      .sort(byKey)
      .flatMap((pod) =>
        podTroubles(pod, now).map((words) => `pod ${pod.metadata.namespace}/${pod.metadata.name} ${words}`),
      ),
    ...[...world.services].sort(byKey).flatMap((service) => selectsNothing(service, world.pods)),
  ];
  const unsettled = world.pods.some((pod) => pod.metadata.deletionTimestamp || !(isReady(pod) || isFinished(pod)));
  const stable = ownDeployments.every((line) => line.stable) && ownNodes.every((node) => node.ready) && !unsettled;
  return {
    state: stable ? 'STABLE' : 'RECONCILING',
    nodes: ownNodes,
    deployments: ownDeployments,
    services: [...world.services].sort(byKey).map((service) => serviceLine(service, world.slices)),
    attention,
  };
}

/** One of the two was written wrong, or the pods are not there yet. */
function selectsNothing({ metadata, spec }: Service, all: readonly Pod[]): readonly string[] {
  const { selector: matchLabels = {} } = spec;
  if (spec.type === 'ExternalName' || Object.keys(matchLabels).length === 0) return [];
  const matches = matcherOf({ matchLabels });
  if (all.some((pod) => pod.metadata.namespace === metadata.namespace && matches(pod.metadata.labels))) return [];
  const words = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  return [`service ${metadata.namespace}/${metadata.name} selects ${words.join(',')}, which no pod has`];
}

function nodeLine(node: Node, all: readonly Pod[]): Report['nodes'][number] {
  const condition = conditionOf(node, 'Ready');
  const ready = condition?.status === 'True';
  const running = all.filter((pod) => pod.spec.nodeName === node.metadata.name && !isFinished(pod)).length;
  const why = ready ? '' : (condition?.message ?? condition?.reason ?? 'its agent has not reported yet');
  return { name: node.metadata.name, ready, pods: running, why };
}

function deploymentLine({ metadata, spec, status: own = {} }: Deployment): DeploymentLine {
  const desired = spec.replicas ?? 1;
  const {
    updatedReplicas: updated = 0,
    readyReplicas: ready = 0,
    availableReplicas: available = 0,
    replicas = 0,
  } = own;
  const observed = (own.observedGeneration ?? 0) >= (metadata.generation ?? 0);
  const failed = own.conditions?.find(({ type, status: value }) => type === 'Progressing' && value === 'False');
  const why = failed
    ? (failed.message ?? failed.reason ?? 'does not progress')
    : !observed
      ? 'a change has not been seen yet'
      : updated < desired
        ? `${updated} of ${desired} are new`
        : replicas > updated
          ? `${replicas - updated} old to end`
          : available < desired
            ? `${available} of ${desired} available`
            : '';
  const place = { namespace: metadata.namespace ?? '', name: metadata.name };
  return { ...place, desired, ready, updated, stable: why === '', why };
}

function serviceLine(service: Service, slices: readonly EndpointSlice[]): ServiceLine {
  const { namespace = '', name } = service.metadata;
  const own = slices.filter(
    ({ metadata }) => metadata.namespace === namespace && metadata.labels?.['kubernetes.io/service-name'] === name,
  );
  const endpoints = own.flatMap((slice) => slice.endpoints ?? []);
  return {
    namespace,
    name,
    type: service.spec.type ?? 'ClusterIP',
    ready: endpoints.filter((endpoint) => endpoint.conditions?.ready !== false).length,
    endpoints: endpoints.length,
    answersAt: addressesOf(service),
  };
}

function addressesOf({ metadata, spec }: Service): readonly string[] {
  if (spec.externalName) return [spec.externalName];
  const inside =
    spec.clusterIP && spec.clusterIP !== 'None' ? spec.clusterIP : `${metadata.name}.${metadata.namespace}.svc`;
  return (spec.ports ?? []).flatMap(({ port, nodePort }) => [
    `${inside}:${port}`,
    ...(nodePort ? [`localhost:${nodePort}`] : []),
  ]);
}

function reportText(report: Report): string {
  const sections = [
    report.state,
    section(
      ['NODE', 'STATUS', 'PODS'],
      report.nodes.map(({ name, ready, pods: count }) => [name, ready ? 'Ready' : 'NotReady', String(count)]),
    ),
    section(
      ['NAMESPACE', 'DEPLOYMENT', 'DESIRED', 'READY', 'UP-TO-DATE', 'STATE'],
      report.deployments.map((line) => [
        ...[line.namespace, line.name, String(line.desired), String(line.ready), String(line.updated)],
        line.stable ? 'STABLE' : `RECONCILING: ${line.why}`,
      ]),
    ),
    section(
      ['NAMESPACE', 'SERVICE', 'TYPE', 'READY', 'ANSWERS AT'],
      report.services.map((line) => [
        ...[line.namespace, line.name, line.type, `${line.ready}/${line.endpoints}`],
        line.answersAt.join(', ') || '<none>',
      ]),
    ),
    report.attention.length > 0 ? ['ATTENTION', ...report.attention.map((line) => `  ${line}`)].join('\n') : '',
  ];
  return `${sections.filter(Boolean).join('\n\n')}\n`;
}

function section(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? '' : aligned([head, ...rows]);
}
