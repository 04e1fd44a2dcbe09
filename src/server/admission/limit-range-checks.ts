import type { Container, Pod } from '../../api/kinds/pod.ts';
import type { KubeObject, Labels } from '../../api/object.ts';
import { addQuantity, compareQuantity, formatQuantity, parseQuantity, type Quantity } from '../../api/quantity.ts';

/** One item of a LimitRange. */
export interface Limit {
  readonly type: string;
  readonly min?: Labels;
  readonly max?: Labels;
  readonly default?: Labels;
  readonly defaultRequest?: Labels;
  readonly maxLimitRequestRatio?: Labels;
}
interface Used {
  readonly requests?: Labels;
  readonly limits?: Labels;
}

/** What is wrong with a pod by these limits, as upstream words it. */
export function podFaults(limits: readonly Limit[], pod: Pod): readonly string[] {
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  return limits.flatMap((limit) => {
    if (limit.type === 'Container') return containers.flatMap(({ resources }) => faults(limit, resources ?? {}));
    if (limit.type !== 'Pod') return [];
    return faults(limit, { requests: wholeOf(pod, 'requests'), limits: wholeOf(pod, 'limits') });
  });
}

/** A claim has nothing but requests: the largest and the smallest hold for these. */
export function claimFaults(limits: readonly Limit[], claim: KubeObject): readonly string[] {
  const { resources } = (claim.spec ?? {}) as { readonly resources?: Used };
  const requests = resources?.requests ?? {};
  return limits
    .filter(({ type }) => type === 'PersistentVolumeClaim')
    .flatMap((limit) => [
      ...named(limit.min).flatMap((name) => tooLittle(limit, name, { requests })),
      ...named(limit.max).flatMap((name) => tooMuchRequested(limit, name, requests)),
    ]);
}

const faults = (limit: Limit, used: Used): readonly string[] => [
  ...named(limit.min).flatMap((name) => tooLittle(limit, name, used)),
  ...named(limit.max).flatMap((name) => tooMuch(limit, name, used)),
  ...named(limit.maxLimitRequestRatio).flatMap((name) => tooFarApart(limit, name, used)),
];

const named = (amounts: Labels | undefined): readonly string[] => Object.keys(amounts ?? {}).sort();
const amountOf = (text: string): Quantity => parseQuantity(text);
const isLess = (a: string, b: string): boolean => compareQuantity(amountOf(a), amountOf(b)) < 0;

function tooLittle({ type, min = {} }: Limit, name: string, { requests = {}, limits = {} }: Used): readonly string[] {
  const least = min[name] as string;
  const says = `minimum ${name} usage per ${type} is ${least}`;
  const [request, limit] = [requests[name], limits[name]];
  if (request === undefined) return [`${says}.  No request is specified`];
  if (isLess(request, least)) return [`${says}, but request is ${request}`];
  return limit !== undefined && isLess(limit, least) ? [`${says}, but limit is ${limit}`] : [];
}

function tooMuch({ type, max = {} }: Limit, name: string, { requests = {}, limits = {} }: Used): readonly string[] {
  const most = max[name] as string;
  const says = `maximum ${name} usage per ${type} is ${most}`;
  const [request, limit] = [requests[name], limits[name]];
  if (limit === undefined) return [`${says}.  No limit is specified`];
  if (isLess(most, limit)) return [`${says}, but limit is ${limit}`];
  return request !== undefined && isLess(most, request) ? [`${says}, but request is ${request}`] : [];
}

function tooMuchRequested({ type, max = {} }: Limit, name: string, requests: Labels): readonly string[] {
  const most = max[name] as string;
  const says = `maximum ${name} usage per ${type} is ${most}`;
  const request = requests[name];
  if (request === undefined) return [`${says}.  No request is specified`];
  return isLess(most, request) ? [`${says}, but request is ${request}`] : [];
}

function tooFarApart({ type, maxLimitRequestRatio = {} }: Limit, name: string, used: Used): readonly string[] {
  const most = maxLimitRequestRatio[name] as string;
  const says = `${name} max limit to request ratio per ${type} is ${most}`;
  const request = amountOf(used.requests?.[name] ?? '0').nanos;
  const limit = amountOf(used.limits?.[name] ?? '0').nanos;
  if (request === 0n) return [`${says}, but no request is specified or request is 0`];
  if (limit === 0n) return [`${says}, but no limit is specified or limit is 0`];
  const ratio = Number(limit) / Number(request);
  return ratio > Number(amountOf(most).nanos) / 1e9 ? [`${says}, but provided ratio is ${ratio.toFixed(6)}`] : [];
}

/** Containers together, or the largest moment of the start where that is more. */
export function wholeOf(pod: Pod, part: 'requests' | 'limits'): Labels {
  const of = (container: Container) => amountsOf(container.resources?.[part]);
  let sidecars: Amounts = new Map();
  let start: Amounts = new Map();
  for (const container of pod.spec.initContainers ?? []) {
    const moment = sum(sidecars, of(container));
    if (container.restartPolicy === 'Always') sidecars = moment;
    start = larger(start, moment);
  }
  const running = pod.spec.containers.reduce((all, container) => sum(all, of(container)), sidecars);
  const whole = [...larger(running, start)].map(([name, quantity]) => [name, formatQuantity(quantity)] as const);
  return Object.fromEntries(whole);
}

type Amounts = ReadonlyMap<string, Quantity>;

const amountsOf = (texts: Labels = {}): Amounts =>
  new Map(Object.entries(texts).map(([name, text]) => [name, parseQuantity(text)]));

function sum(a: Amounts, b: Amounts): Amounts {
  const all = new Map(a);
  for (const [name, amount] of b) {
    const before = all.get(name);
    all.set(name, before ? addQuantity(before, amount) : amount);
  }
  return all;
}

function larger(a: Amounts, b: Amounts): Amounts {
  const most = new Map(a);
  for (const [name, amount] of b) {
    const before = most.get(name);
    if (!before || compareQuantity(amount, before) > 0) most.set(name, amount);
  }
  return most;
}
