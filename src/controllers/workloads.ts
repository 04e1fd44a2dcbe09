import { pods } from '../api/kinds/pod.ts';
import { replicationControllers } from '../api/kinds/replication-controller.ts';
import type { Caches } from '../machinery/caches.ts';
import type { Controller } from '../machinery/controller.ts';
import { replicationController } from './replication-controller.ts';

/** Every controller that makes pods, or minds those that another made. */
export function workloadControllers(caches: Caches): readonly Controller<never>[] {
  const all = [replicationController(caches.of(replicationControllers), caches.of(pods))];
  return all as unknown as readonly Controller<never>[];
}
