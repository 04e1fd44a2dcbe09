import { beside } from '../base/beside.ts';
import type { Container, Pod, Resources } from './kinds/pod.ts';
import { quantityBytes, quantityMillis } from './quantity.ts';

/** Amounts by resource: cpu in thousandths, all else in its own unit. */
export type Amounts = Readonly<Record<string, number>>;

// What a container without requests is taken for when nodes are scored, so that such pods spread too.
const assumedCpuMillis = 100;
const assumedMemoryBytes = 200 * 1024 * 1024;

export interface Requests {
  readonly real: Amounts;
  /** With something assumed for containers that ask for nothing: cpu and memory only. */
  readonly scored: { readonly cpu: number; readonly memory: number };
}

const known = beside<Pod['spec'], Requests>();

export function requestsOf(pod: Pod): Requests {
  const before = known.get(pod.spec);
  if (before) return before;
  const real = total(pod, (container) => amountsOf(container.resources?.requests));
  const scored = total(pod, (container) => {
    const { cpu = assumedCpuMillis, memory = assumedMemoryBytes } = amountsOf(container.resources?.requests);
    return { cpu, memory };
  });
  const requests = { real, scored: { cpu: scored['cpu'] ?? 0, memory: scored['memory'] ?? 0 } };
  known.set(pod.spec, requests);
  return requests;
}

export function amountsOf(quantities: Readonly<Record<string, string | number>> | undefined): Amounts {
  const amounts: Record<string, number> = {};
  for (const [name, text] of Object.entries(quantities ?? {})) {
    amounts[name] = name === 'cpu' ? quantityMillis(String(text)) : quantityBytes(String(text));
  }
  return amounts;
}

/** Containers run together; init containers one by one, beside the sidecars that started before them. */
function total(pod: Pod, of: (container: Container) => Amounts): Amounts {
  let sidecars: Amounts = {};
  let start: Amounts = {};
  for (const container of pod.spec.initContainers ?? []) {
    const needed = plus(sidecars, of(container));
    if (container.restartPolicy === 'Always') sidecars = needed;
    start = larger(start, needed);
  }
  const running = pod.spec.containers.reduce((sum, container) => plus(sum, of(container)), sidecars);
  // What is asked for the pod as a whole stands in place of what its containers ask.
  const whole = amountsOf((pod.spec as { readonly resources?: Resources }).resources?.requests);
  return plus({ ...larger(start, running), ...whole }, amountsOf(pod.spec.overhead));
}

export function plus(a: Amounts, b: Amounts, sign: 1 | -1 = 1): Amounts {
  const sum: Record<string, number> = { ...a };
  for (const [name, amount] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + sign * amount;
  return sum;
}

function larger(a: Amounts, b: Amounts): Amounts {
  const most: Record<string, number> = { ...a };
  for (const [name, amount] of Object.entries(b)) most[name] = Math.max(most[name] ?? 0, amount);
  return most;
}
