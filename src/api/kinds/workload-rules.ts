import { type FieldError, forbidden, invalid, notSupported } from '../field-error.ts';
import { validateAnnotations, validateLabels } from '../metadata-rules.ts';
import { type LabelSelector, type Matches, matcherOf } from '../selector.ts';
import type { Checked } from './checks.ts';
import { mapOf, type Part, partOf, partsOf } from './defaulting.ts';
import { podSpecRules } from './pod-rules.ts';

/** What messages call the workload where its selector is empty. */
export type WorkloadWord = 'deployment' | 'statefulset';

/**
 * The selector that a workload must have. Answers what it matches: an absent one nothing, and undefined where it is
 * broken, since then nothing can be said about the template either.
 */
export function selectorRules(selector: Checked, what: WorkloadWord): Matches | undefined {
  if (selector.isAbsent) {
    selector.needed();
    return matcherOf(undefined);
  }
  const before = selector.errors.length;
  selector.selector();
  const broken = selector.errors.length > before;
  if (isEmptySelector(selector.part)) selector.invalid(`empty selector is invalid for ${what}`);
  if (broken) selector.invalid('invalid label selector');
  return broken ? undefined : matcherOf(selector.part as LabelSelector);
}

export const isEmptySelector = ({ matchLabels, matchExpressions }: Part): boolean =>
  Object.keys(mapOf(matchLabels)).length + partsOf(matchExpressions).length === 0;

/** The labels of the template must be what the selector finds. */
export function labelsMatch(template: Checked, matches: Matches): void {
  const labels = mapOf(template.at('metadata').part.labels);
  if (matches(labels)) return;
  const shown = Object.keys(labels).length > 0 ? labels : null;
  const path = `${template.path}.metadata.labels`;
  template.add(invalid(path, shown, '`selector` does not match template `labels`'));
}

/** What holds for every template of a pod. */
export function templateRules(template: Part, path: string): readonly FieldError[] {
  const { labels, annotations } = partOf(template.metadata);
  const spec = partOf(template.spec);
  return [
    ...validateLabels(mapOf(labels), `${path}.labels`),
    ...validateAnnotations(mapOf(annotations), `${path}.annotations`),
    ...podSpecRules(spec, `${path}.spec`),
    ...(partsOf(spec.ephemeralContainers).length > 0
      ? [forbidden(`${path}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template')]
      : []),
  ];
}

/** Pods that are kept in number must always be started again. */
export function alwaysRestarts(template: Checked, kind: string): void {
  const spec = template.at('spec');
  const policy = spec.at('restartPolicy');
  if (policy.text !== 'Always') policy.add(notSupported(policy.path, policy.text, ['Always']));
  if (!spec.at('activeDeadlineSeconds').isAbsent) {
    spec.at('activeDeadlineSeconds').forbidden(`activeDeadlineSeconds in ${kind} is not Supported`);
  }
}

/** The template of a set of pods that are all alike. */
export function replicatedTemplateRules(template: Checked, matches: Matches, replicas: number): void {
  labelsMatch(template, matches);
  template.add(...templateRules(template.part, template.path));
  if (replicas > 1) readOnlyDisks(template.at('spec').at('volumes'), undefined);
  alwaysRestarts(template, 'ReplicaSet');
}

const isWritableDisk = (volume: Part): boolean =>
  volume.gcePersistentDisk !== undefined && partOf(volume.gcePersistentDisk).readOnly !== true;

/** A disk that one machine writes cannot be that of several pods. What was wrong before may stay. */
export function readOnlyDisks(volumes: Checked, previous: unknown): void {
  if (partsOf(previous).some(isWritableDisk)) return;
  for (const volume of volumes.items()) {
    if (!isWritableDisk(volume.part)) continue;
    const sentence =
      'must be read-only for replicated pods > 1; GCE PD can only be mounted on multiple machines if it is read-only';
    volume.add(invalid(`${volume.path}.gcePersistentDisk.readOnly`, false, sentence));
  }
}

export function notNegativeEach(part: Checked, ...fields: readonly string[]): void {
  for (const field of fields) part.at(field).notNegative();
}

/** No count of a status is above another that includes it. */
export function notAbove(
  status: Checked,
  limit: { readonly field: string; readonly word: string },
  ...fields: readonly string[]
): void {
  const most = status.at(limit.field).number;
  for (const field of fields) {
    if (status.at(field).number > most) status.at(field).invalid(`cannot be greater than ${limit.word}`);
  }
}

/** A collision that was counted stays counted. */
export function notDecremented(status: Checked, previous: Checked | undefined): void {
  const count = status.at('collisionCount');
  const before = previous?.at('status').part.collisionCount;
  if (typeof before === 'number' && (count.isAbsent || count.number < before)) count.invalid('cannot be decremented');
}
