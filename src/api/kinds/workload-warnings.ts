import type { KubeObject } from '../object.ts';
import { type Part, partOf } from './defaulting.ts';
import { nameWarnings, podWarnings } from './pod-warnings.ts';

interface Setting {
  /** Where the template stands: `spec.template`. */
  readonly path: string;
  template(spec: Part): unknown;
  /** Whether the pods are named after the object. */
  readonly namesPods: boolean;
}
type Warnings = (next: KubeObject, previous: KubeObject | undefined) => readonly string[];

/** What is allowed and still hardly meant, where the spec is new or another one. */
const warningsOf =
  ({ path, template, namesPods }: Setting): Warnings =>
  (next, previous) => {
    if (previous && previous.metadata.generation === next.metadata.generation) return [];
    const names = namesPods && !previous ? nameWarnings(next.metadata.name, 'Pod names and hostnames') : [];
    return [...names, ...podWarnings(partOf(template(partOf(next.spec))), path)];
  };

const plain = { path: 'spec.template', template: (spec: Part) => spec.template };

export const workloadWarnings: Warnings = warningsOf({ ...plain, namesPods: true });
/** Sets whose pods are named by themselves. */
export const setWarnings: Warnings = warningsOf({ ...plain, namesPods: false });
export const cronJobWarnings: Warnings = warningsOf({
  path: 'spec.jobTemplate.spec.template',
  template: (spec) => partOf(partOf(spec.jobTemplate).spec).template,
  namesPods: true,
});
