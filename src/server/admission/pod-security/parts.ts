import type { Part } from '../../../api/kinds/defaulting.ts';
import { partOf, partsOf, textOf } from '../../../api/kinds/defaulting.ts';
import type { Labels } from '../../../api/object.ts';

/** A pod, or the pods that a workload would make. */
export interface PodParts {
  readonly annotations: Labels;
  readonly spec: Part;
}
/** Why a control does not let a pod through. */
export interface Violation {
  readonly reason: string;
  readonly detail: string;
}

export interface NamedContainer {
  readonly name: string;
  readonly part: Part;
  readonly security: Part;
}

const known = new WeakMap<Part, readonly NamedContainer[]>();

/** All containers of a pod, in the order in which upstream looks at them. */
export function containersOf(spec: Part): readonly NamedContainer[] {
  const before = known.get(spec);
  if (before) return before;
  const all = [...partsOf(spec.initContainers), ...partsOf(spec.containers), ...partsOf(spec.ephemeralContainers)];
  const named = all.map((part) => ({ name: textOf(part.name), part, security: partOf(part.securityContext) }));
  known.set(spec, named);
  return named;
}

export const quoted = (words: Iterable<string>): string => `"${[...words].join('", "')}"`;
export const plural = (one: string, many: string, count: number): string => (count === 1 ? one : many);
export const sorted = (words: Iterable<string>): readonly string[] => [...new Set(words)].sort();

/** `container "a"`, `containers "a", "b"`. */
export const containersText = (names: readonly string[]): string =>
  `${plural('container', 'containers', names.length)} ${quoted(names)}`;

/** Who sets something: the pod as a whole, and these of its containers. */
export const settersText = (pod: boolean, names: readonly string[], more: readonly string[] = []): string =>
  [...(pod ? ['pod'] : []), ...(names.length > 0 ? [containersText(names)] : []), ...more].join(' and ');

export const isWindows = (spec: Part): boolean => partOf(spec.os).name === 'windows';
