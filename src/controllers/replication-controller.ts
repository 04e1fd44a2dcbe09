import type { Kind } from '../api/kind.ts';
import type { Pod } from '../api/kinds/pod.ts';
import type { ReplicaSet } from '../api/kinds/replica-set.ts';
import { type ReplicationController, replicationControllers } from '../api/kinds/replication-controller.ts';
import type { Labels } from '../api/object.ts';
import type { Cache } from '../machinery/cache.ts';
import { ReplicaSetController } from './replica-set.ts';

/** A replication controller is a replica set of the first days: its selector is plain labels. The plan is the same. */
export const replicationController = (
  controllers: Cache<ReplicationController>,
  pods: Cache<Pod>,
): ReplicaSetController =>
  new ReplicaSetController(controllers as unknown as Cache<ReplicaSet>, pods, {
    name: 'replication-controller',
    kind: replicationControllers as unknown as Kind<ReplicaSet>,
    selectorOf: ({ spec }) => ({ matchLabels: spec.selector as unknown as Labels }),
    countsTerminating: false,
  });
