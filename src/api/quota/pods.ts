import type { Part } from '../kinds/defaulting.ts';
import { type Container, isFinished, type Pod, type Resources } from '../kinds/pod.ts';
import { qualityOf } from '../kinds/pod-quality.ts';
import type { KubeObject, Labels } from '../object.ts';
import { type Amounts, amountsOf, larger, only, sum, whole } from './amounts.ts';
import type { Evaluator } from './evaluator.ts';
import { fitsScope, type Scope } from './scopes.ts';

const count = 'count/pods';
const computed = ['cpu', 'memory', 'ephemeral-storage'];
const requestsPrefix = 'requests.';
const own = new Set([
  count,
  'pods',
  ...computed,
  ...computed.map((name) => requestsPrefix + name),
  ...computed.map((name) => `limits.${name}`),
]);
/** Where these are limited, every container has to say what it asks for. */
const explicit = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory'];

/** Pods, and what they may use of nodes. */
export const podEvaluator: Evaluator = {
  handles: ({ operation, route }) =>
    (operation === 'CREATE' && route.subresource === '') || (operation === 'UPDATE' && route.subresource === 'resize'),
  limits: (name) => own.has(name) || isHugePages(name) || isExtended(name),
  inScope,
  lacking,
  usage,
};

const isHugePages = (name: string): boolean =>
  name.startsWith('hugepages-') || name.startsWith(`${requestsPrefix}hugepages-`);
/** A resource of somebody else's domain, which quotas name with their prefix. */
const isExtended = (name: string): boolean =>
  name.startsWith(requestsPrefix) && isForeign(name.slice(requestsPrefix.length));
const isForeign = (name: string): boolean => name.includes('/') && !name.includes('kubernetes.io/');

const wholeResources = (spec: Pod['spec']): Resources | undefined =>
  (spec as { readonly resources?: Resources }).resources;

function lacking(resources: readonly string[], object: KubeObject): string | undefined {
  const wanted = explicit.filter((name) => resources.includes(name));
  const { spec } = object as Pod;
  const set = wholeResources(spec);
  if (wanted.length === 0 || Object.keys({ ...set?.requests, ...set?.limits }).length > 0) return undefined;
  const missing = new Map<string, Set<string>>();
  for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
    const said = computedUsage(amountsOf(container.resources?.requests), amountsOf(container.resources?.limits));
    for (const name of wanted) {
      if (said.has(name)) continue;
      const names = missing.get(name);
      if (names) names.add(container.name);
      else missing.set(name, new Set([container.name]));
    }
  }
  if (missing.size === 0) return undefined;
  const texts = [...missing].map(([name, names]) => `${name} for: ${[...names].sort().join(',')}`).sort();
  return `must specify ${texts.join('; ')}`;
}

/** A pod whose work is over is still there, but uses nothing. */
function usage(object: KubeObject): Amounts {
  const pod = object as Pod;
  const counted: Amounts = new Map([[count, whole(1)]]);
  if (isFinished(pod)) return counted;
  const used = computedUsage(wholeOf(pod, 'requests'), wholeOf(pod, 'limits'));
  return new Map([...counted, ['pods', whole(1)], ...used]);
}

function computedUsage(requests: Amounts, limits: Amounts): Amounts {
  const used = new Map<string, NonNullable<ReturnType<Amounts['get']>>>();
  for (const [name, amount] of requests) {
    const plain = computed.includes(name) || name.startsWith('hugepages-');
    if (plain) used.set(name, amount);
    if (plain || isForeign(name)) used.set(requestsPrefix + name, amount);
  }
  for (const [name, amount] of limits) if (computed.includes(name)) used.set(`limits.${name}`, amount);
  return used;
}

/** Containers run together; init containers one by one, beside the sidecars that started before them. */
function wholeOf(pod: Pod, part: 'requests' | 'limits'): Amounts {
  const of = (container: Container) => amountsOf(container.resources?.[part]);
  let sidecars: Amounts = new Map();
  let start: Amounts = new Map();
  for (const container of pod.spec.initContainers ?? []) {
    const moment = sum(sidecars, of(container));
    if (container.restartPolicy === 'Always') sidecars = moment;
    start = larger(start, moment);
  }
  const running = pod.spec.containers.reduce((all, container) => sum(all, of(container)), sidecars);
  // What the pod says as a whole stands in place of what its containers say.
  const most = new Map([...larger(running, start), ...amountsOf(wholeResources(pod.spec)?.[part])]);
  const overhead = amountsOf(pod.spec.overhead);
  return sum(most, part === 'requests' ? overhead : only(overhead, (name) => most.has(name)));
}

function inScope(scope: Scope, object: KubeObject): boolean {
  const { spec } = object as Pod;
  const { activeDeadlineSeconds } = spec as { readonly activeDeadlineSeconds?: number };
  switch (scope.scopeName) {
    case 'Terminating':
      return activeDeadlineSeconds !== undefined;
    case 'NotTerminating':
      return activeDeadlineSeconds === undefined;
    case 'BestEffort':
      return qualityOf(spec as unknown as Part) === 'BestEffort';
    case 'NotBestEffort':
      return qualityOf(spec as unknown as Part) !== 'BestEffort';
    case 'PriorityClass':
      return fitsScope(scope, spec.priorityClassName || undefined);
    case 'CrossNamespacePodAffinity':
      return looksAcross(spec);
    default:
      return false;
  }
}

interface Term {
  readonly namespaces?: readonly string[];
  readonly namespaceSelector?: Labels;
}
interface Terms {
  readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly Term[];
  readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly { readonly podAffinityTerm?: Term }[];
}

/** Whether where a pod goes depends on pods of other namespaces. */
function looksAcross({ affinity }: Pod['spec']): boolean {
  const sides = [affinity?.podAffinity, affinity?.podAntiAffinity] as readonly (Terms | undefined)[];
  return sides.some((terms) =>
    [
      ...(terms?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(terms?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
    ].some((term) => (term?.namespaces?.length ?? 0) > 0 || term?.namespaceSelector !== undefined),
  );
}
