import { type Job, jobs } from '../api/kinds/job.ts';
import { type Container, type Pod, type PodTemplate, pods } from '../api/kinds/pod.ts';
import { type Draft, keyOf } from '../api/object.ts';
import type { Instant, Random } from '../base/env.ts';
import { type Action, act } from '../client/action.ts';
import { indexAnnotation, indexOf } from './job-indexes.ts';
import { verdictOn } from './job-policies.ts';
import { hasLimitPerIndex, isIndexed, jobSpecOf, trackingFinalizer } from './job-shape.ts';
import { podFromTemplate } from './pod-from-template.ts';
import { cheapestFirst } from './pod-ranking.ts';

const indexVariable = 'JOB_COMPLETION_INDEX';
const failureCountAnnotation = 'batch.kubernetes.io/job-index-failure-count';
const ignoredCountAnnotation = 'batch.kubernetes.io/job-index-ignored-failure-count';
const prefixMax = 58;

/** How often pods of an index have failed before this one, as it carries with it. */
export function failuresBefore(pod: Pod): { readonly counted: number; readonly ignored: number } {
  const count = (name: string) => Number(pod.metadata.annotations?.[name] ?? 0) || 0;
  return { counted: count(failureCountAnnotation), ignored: count(ignoredCountAnnotation) };
}

export function jobPod(job: Job, random: Random): Draft<Pod> {
  return podFromTemplate({ kind: jobs, owner: job, template: tracked(jobSpecOf(job).template), random });
}

/** A pod for one index, after the one of that index that failed. */
export function indexedPod(
  job: Job,
  index: number,
  more: { readonly random: Random; readonly after?: Pod },
): Draft<Pod> {
  const { name } = job.metadata;
  const tail = `-${index}-`;
  const template = tracked(jobSpecOf(job).template);
  const { metadata, spec } = template;
  const indexed: PodTemplate = {
    metadata: {
      ...metadata,
      labels: { ...metadata?.labels, [indexAnnotation]: String(index) },
      annotations: { ...metadata?.annotations, [indexAnnotation]: String(index), ...countsFor(job, more.after) },
    },
    spec: {
      ...spec,
      hostname: `${name}-${index}`,
      containers: spec.containers.map(withIndex),
      ...(spec.initContainers ? { initContainers: spec.initContainers.map(withIndex) } : {}),
    },
  };
  const prefix = name.slice(0, prefixMax - tail.length) + tail;
  return podFromTemplate({ kind: jobs, owner: job, template: indexed, random: more.random, prefix });
}

function countsFor(job: Job, after: Pod | undefined): Readonly<Record<string, string>> {
  if (!hasLimitPerIndex(job)) return {};
  const { counted, ignored } = after ? failuresBefore(after) : { counted: 0, ignored: 0 };
  const counts = after === undefined || verdictOn(after, job).counts;
  const nowCounted = after && counts ? counted + 1 : counted;
  const nowIgnored = counts ? ignored : ignored + 1;
  return {
    [failureCountAnnotation]: String(nowCounted),
    ...(nowIgnored > 0 ? { [ignoredCountAnnotation]: String(nowIgnored) } : {}),
  };
}

function withIndex(container: Container): Container {
  const { env = [] } = container;
  if (env.some(({ name }) => name === indexVariable)) return container;
  const fieldPath = `metadata.labels['${indexAnnotation}']`;
  return { ...container, env: [...env, { name: indexVariable, valueFrom: { fieldRef: { fieldPath } } }] };
}

function tracked(template: PodTemplate): PodTemplate {
  const { finalizers = [] } = template.metadata ?? {};
  if (finalizers.includes(trackingFinalizer)) return template;
  return { ...template, metadata: { ...template.metadata, finalizers: [...finalizers, trackingFinalizer] } };
}

/** A patch of its own, so that finalizers of others stay whatever happens between. */
export function untrack(pod: Pod): Action {
  const patch = { metadata: { uid: pod.metadata.uid, '$deleteFromPrimitiveList/finalizers': [trackingFinalizer] } };
  return act({ verb: 'patch', type: 'strategic-merge', kind: pods, key: keyOf(pod), patch });
}

/** Which active pods go: those whose index is taken or out of range in any case, then the least useful. */
export function podsToRemove(job: Job, active: readonly Pod[], atLeast: number, now: Instant): readonly Pod[] {
  const ranked = cheapestFirst(active, { now, crowd: () => 0 });
  const surplus = isIndexed(job) ? surplusOf(ranked, jobSpecOf(job).completions ?? 0) : [];
  const left = ranked.filter((pod) => !surplus.includes(pod));
  return [...surplus, ...left.slice(0, Math.max(0, atLeast - surplus.length))];
}

function surplusOf(ranked: readonly Pod[], completions: number): readonly Pod[] {
  const keeps = new Map<number, Pod>();
  for (const pod of ranked) {
    const index = indexOf(pod);
    if (index !== undefined && index < completions) keeps.set(index, pod);
  }
  const kept = new Set(keeps.values());
  return ranked.filter((pod) => !kept.has(pod));
}
