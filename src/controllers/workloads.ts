import { controllerRevisions } from '../api/kinds/controller-revision.ts';
import { cronJobs } from '../api/kinds/cron-job.ts';
import { daemonSets } from '../api/kinds/daemon-set.ts';
import { deployments } from '../api/kinds/deployment.ts';
import { jobs } from '../api/kinds/job.ts';
import { nodes } from '../api/kinds/node.ts';
import { persistentVolumeClaims } from '../api/kinds/persistent-volume-claim.ts';
import { pods } from '../api/kinds/pod.ts';
import { podDisruptionBudgets } from '../api/kinds/pod-disruption-budget.ts';
import { replicaSets } from '../api/kinds/replica-set.ts';
import { replicationControllers } from '../api/kinds/replication-controller.ts';
import { statefulSets } from '../api/kinds/stateful-set.ts';
import type { Caches } from '../machinery/caches.ts';
import type { Controller } from '../machinery/controller.ts';
import type { KindCaches } from '../machinery/kind-caches.ts';
import { CronJobController } from './cron-job.ts';
import { DaemonSetController } from './daemon-set.ts';
import { DisruptionController } from './disruption.ts';
import { StaleDisruptionController } from './disruption-stale.ts';
import { JobController } from './job.ts';
import { JobOrphanController } from './job-orphan.ts';
import { replicationController } from './replication-controller.ts';
import { StatefulSetController } from './stateful-set.ts';
import { TtlAfterFinishedController } from './ttl-after-finished.ts';

/** Every controller that makes pods, or minds those that another made. */
export function workloadControllers(caches: Caches, kinds: KindCaches): readonly Controller<never>[] {
  const podCache = caches.of(pods);
  const jobCache = caches.of(jobs);
  const all = [
    replicationController(caches.of(replicationControllers), podCache),
    new JobController(jobCache, podCache),
    new JobOrphanController(jobCache, podCache),
    new TtlAfterFinishedController(jobCache),
    new CronJobController(caches.of(cronJobs), jobCache),
    new DisruptionController(
      caches.of(podDisruptionBudgets),
      podCache,
      {
        deployments: caches.of(deployments),
        replicaSets: caches.of(replicaSets),
        replicationControllers: caches.of(replicationControllers),
        statefulSets: caches.of(statefulSets),
      },
      kinds,
    ),
    new StaleDisruptionController(podCache),
    new DaemonSetController({
      sets: caches.of(daemonSets),
      pods: podCache,
      nodes: caches.of(nodes),
      revisions: caches.of(controllerRevisions),
    }),
    new StatefulSetController({
      sets: caches.of(statefulSets),
      pods: podCache,
      revisions: caches.of(controllerRevisions),
      claims: caches.of(persistentVolumeClaims),
    }),
  ];
  return all as unknown as readonly Controller<never>[];
}
