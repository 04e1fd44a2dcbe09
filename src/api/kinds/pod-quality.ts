import { parseQuantity } from '../quantity.ts';
import { mapOf, type Part, partOf, partsOf } from './defaulting.ts';

const counted = ['cpu', 'memory'];

/** How well a pod's resources are promised: Guaranteed, Burstable or BestEffort. */
export function qualityOf(spec: Part): string {
  const whole = partOf(spec.resources);
  const holders = spec.resources
    ? [whole]
    : [...partsOf(spec.containers), ...partsOf(spec.initContainers)].map((container) => partOf(container.resources));
  const requests = new Map<string, bigint>();
  const limits = new Map<string, bigint>();
  let allLimited = true;
  for (const resources of holders) {
    add(requests, mapOf(resources.requests));
    const limited = add(limits, mapOf(resources.limits));
    allLimited &&= counted.every((name) => limited.has(name));
  }
  if (requests.size === 0 && limits.size === 0) return 'BestEffort';
  const same = allLimited && requests.size === limits.size;
  return same && [...requests].every(([name, amount]) => limits.get(name) === amount) ? 'Guaranteed' : 'Burstable';
}

function add(sums: Map<string, bigint>, amounts: Readonly<Record<string, string>>): ReadonlySet<string> {
  const found = new Set<string>();
  for (const name of counted) {
    const text = amounts[name];
    if (text === undefined) continue;
    const { nanos } = parseQuantity(text);
    if (nanos <= 0n) continue;
    found.add(name);
    sums.set(name, (sums.get(name) ?? 0n) + nanos);
  }
  return found;
}
