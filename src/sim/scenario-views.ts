import type { Kind } from '../api/kind.ts';
import { controllerRevisions } from '../api/kinds/controller-revision.ts';
import { cronJobs } from '../api/kinds/cron-job.ts';
import { daemonSets } from '../api/kinds/daemon-set.ts';
import { partOf, partsOf, textOf } from '../api/kinds/defaulting.ts';
import { deployments } from '../api/kinds/deployment.ts';
import { jobs } from '../api/kinds/job.ts';
import { persistentVolumeClaims } from '../api/kinds/persistent-volume-claim.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import { podDisruptionBudgets } from '../api/kinds/pod-disruption-budget.ts';
import { replicationControllers } from '../api/kinds/replication-controller.ts';
import { statefulSets } from '../api/kinds/stateful-set.ts';
import type { KubeObject } from '../api/object.ts';

export type Row = readonly (string | number)[];
/** What `show` tells of one kind: few columns, nothing that depends on chance. */
export interface KindView {
  readonly kind: Kind;
  readonly head: Row;
  row(object: KubeObject): Row;
}

const numbers = (object: KubeObject, ...names: readonly string[]): readonly number[] =>
  names.map((name) => Number(partOf(object.status)[name] ?? 0));
const text = (value: unknown): string => textOf(value) || '<none>';

function conditionsText({ status }: KubeObject): string {
  const held = partsOf(partOf(status).conditions).filter((condition) => condition.status === 'True');
  return held.map(({ type, reason }) => (reason ? `${type}(${reason})` : textOf(type))).join(',') || '<none>';
}

const imageOf = (spec: unknown): string => text(partsOf(partOf(spec).containers)[0]?.image);

export const workloadViews: Readonly<Record<string, KindView>> = {
  statefulsets: {
    kind: statefulSets as unknown as Kind,
    head: ['STATEFULSET', 'READY', 'CURRENT', 'UPDATED', 'AVAILABLE', 'CURRENT-REVISION', 'UPDATE-REVISION'],
    row: (set) => {
      const { currentRevision, updateRevision } = partOf(set.status);
      const ready = `${numbers(set, 'readyReplicas')[0]}/${partOf(set.spec).replicas ?? 1}`;
      const counts = numbers(set, 'currentReplicas', 'updatedReplicas', 'availableReplicas');
      return [set.metadata.name, ready, ...counts, text(currentRevision), text(updateRevision)];
    },
  },
  daemonsets: {
    kind: daemonSets as unknown as Kind,
    head: ['DAEMONSET', 'DESIRED', 'CURRENT', 'READY', 'UPDATED', 'AVAILABLE', 'MISSCHEDULED'],
    row: (set) => [
      set.metadata.name,
      ...numbers(set, 'desiredNumberScheduled', 'currentNumberScheduled', 'numberReady', 'updatedNumberScheduled'),
      ...numbers(set, 'numberAvailable', 'numberMisscheduled'),
    ],
  },
  jobs: {
    kind: jobs as unknown as Kind,
    head: ['JOB', 'ACTIVE', 'SUCCEEDED', 'FAILED', 'TERMINATING', 'INDEXES', 'CONDITIONS'],
    row: (job) => {
      const { completedIndexes, failedIndexes } = partOf(job.status);
      const failed = failedIndexes ? `!${textOf(failedIndexes)}` : '';
      const counts = numbers(job, 'active', 'succeeded', 'failed', 'terminating');
      return [job.metadata.name, ...counts, text(textOf(completedIndexes) + failed), conditionsText(job)];
    },
  },
  cronjobs: {
    kind: cronJobs as unknown as Kind,
    head: ['CRONJOB', 'ACTIVE', 'LAST', 'LAST-SUCCESS'],
    row: (cron) => {
      const { active, lastScheduleTime, lastSuccessfulTime } = partOf(cron.status);
      return [cron.metadata.name, partsOf(active).length, text(lastScheduleTime), text(lastSuccessfulTime)];
    },
  },
  budgets: {
    kind: podDisruptionBudgets as unknown as Kind,
    head: ['BUDGET', 'ALLOWED', 'HEALTHY', 'DESIRED', 'EXPECTED', 'CONDITIONS'],
    row: (budget) => [
      budget.metadata.name,
      ...numbers(budget, 'disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'),
      partsOf(partOf(budget.status).conditions)
        .map(({ status, reason }) => `${textOf(reason)}=${textOf(status)}`)
        .join(',') || '<none>',
    ],
  },
  replicationcontrollers: {
    kind: replicationControllers as unknown as Kind,
    head: ['CONTROLLER', 'DESIRED', 'CURRENT', 'READY', 'CONDITIONS'],
    row: (controller) => [
      controller.metadata.name,
      Number(partOf(controller.spec).replicas ?? 1),
      ...numbers(controller, 'replicas', 'readyReplicas'),
      conditionsText(controller),
    ],
  },
  revisions: {
    kind: controllerRevisions as unknown as Kind,
    head: ['OWNER', 'REVISION', 'IMAGE'],
    row: (revision) => {
      const { data, revision: number } = revision as unknown as { readonly data?: unknown; readonly revision?: number };
      const template = partOf(partOf(partOf(data).spec).template);
      return [text(revision.metadata.ownerReferences?.[0]?.name), number ?? 0, imageOf(template.spec)];
    },
  },
  claims: {
    kind: persistentVolumeClaims as unknown as Kind,
    head: ['CLAIM', 'OWNER'],
    row: ({ metadata }) => {
      const owners = (metadata.ownerReferences ?? []).map(({ kind, name }) => `${kind.toLowerCase()}/${name}`);
      return [metadata.name, owners.join(',') || '<none>'];
    },
  },
  conditions: {
    kind: deployments as unknown as Kind,
    head: ['DEPLOYMENT', 'CONDITIONS'],
    row: (deployment) => [deployment.metadata.name, conditionsText(deployment)],
  },
  images: {
    kind: pods as unknown as Kind,
    head: ['POD', 'IMAGE', 'INDEX', 'FINALIZERS'],
    row: (pod) => {
      const { annotations, finalizers = [], labels } = pod.metadata;
      const index =
        annotations?.['batch.kubernetes.io/job-completion-index'] ?? labels?.['apps.kubernetes.io/pod-index'];
      return [pod.metadata.name, imageOf((pod as Pod).spec), text(index), finalizers.length];
    },
  },
};
