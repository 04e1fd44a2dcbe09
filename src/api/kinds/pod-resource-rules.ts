import { notSupported } from '../field-error.ts';
import { formatQuantity } from '../quantity.ts';
import type { Checked } from './checks.ts';
import { mapOf, partOf } from './defaulting.ts';
import {
  anyResourceName,
  isHugePage,
  nanosOf,
  type ResourceNameRule,
  validateRequirements,
} from './resource-name-rules.ts';

const podNames = ['cpu', 'memory'];
const isPodName = (name: string): boolean => podNames.includes(name) || isHugePage(name);

const podResourceName: ResourceNameRule = (at, name) => {
  anyResourceName(at, name);
  if (!isPodName(name)) at.add(notSupported(at.path, name, ['cpu', 'hugepages-', 'memory']));
};

/** What a pod may take as a whole: its containers together never more. */
export function validatePodResources(spec: Checked, claims: ReadonlySet<string>): void {
  const resources = spec.at('resources');
  if (resources.isAbsent) return;
  validateRequirements(resources, claims, podResourceName);
  const containers = spec.at('containers').items();
  for (const request of resources.at('requests').entries()) {
    const name = request.lastKey;
    const amounts = containers.map(({ part }) => nanosOf(mapOf(partOf(part.resources).requests)[name]));
    const sum = amounts.reduce((all, amount) => all + amount, 0n);
    if (!isPodName(name) || nanosOf(request.value) >= sum) continue;
    const text = formatQuantity({ nanos: sum, format: isHugePage(name) || name === 'memory' ? 'binary' : 'decimal' });
    request.invalid(`must be greater than or equal to aggregate container requests of ${text}`);
  }
  for (const limit of resources.at('limits').entries()) {
    for (const container of containers) {
      const own = container.at('resources').at('limits').key(limit.lastKey);
      if (own.isAbsent || nanosOf(own.value) <= nanosOf(limit.value)) continue;
      own
        .toldAt(`${container.path}.resources.limits`)
        .invalid(`must be less than or equal to pod limits of ${limit.text}`);
    }
  }
}
