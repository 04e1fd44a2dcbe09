import type { Kind } from '../api/kind.ts';
import { clusterRoles } from '../api/kinds/cluster-role.ts';
import { configMaps } from '../api/kinds/config-map.ts';
import { deployments } from '../api/kinds/deployment.ts';
import { endpointSlices } from '../api/kinds/endpoint-slice.ts';
import { events } from '../api/kinds/event.ts';
import { leases } from '../api/kinds/lease.ts';
import { namespaces } from '../api/kinds/namespace.ts';
import { nodes } from '../api/kinds/node.ts';
import { pods } from '../api/kinds/pod.ts';
import { replicaSets } from '../api/kinds/replica-set.ts';
import { secrets } from '../api/kinds/secret.ts';
import { services } from '../api/kinds/service.ts';
import { type Component, type Env, forkEnv } from '../base/env.ts';
import type { Client } from '../client/client.ts';
import type { Caches } from '../machinery/caches.ts';
import type { Controller } from '../machinery/controller.ts';
import { ControllerLoop } from '../machinery/controller-loop.ts';
import { EventRecorder } from '../machinery/events.ts';
import { ClusterRoleAggregationController } from './cluster-role-aggregation.ts';
import { DeploymentController } from './deployment.ts';
import { EndpointSliceController } from './endpoint-slice.ts';
import { GarbageCollector } from './garbage-collector.ts';
import { NamespaceController } from './namespace.ts';
import { NodeLifecycleController } from './node-lifecycle.ts';
import { ReplicaSetController } from './replica-set.ts';
import { type Timing, timings } from './timing.ts';
import { workloadControllers } from './workloads.ts';

const workers = 32;

export interface ControllerParts {
  readonly env: Env;
  readonly client: Client;
  /** Shared with the other parts of this process; whoever made them runs them. */
  readonly caches: Caches;
  readonly timing?: Timing;
}

/** Every controller in its loop. */
export function allControllers(given: ControllerParts): readonly Component[] {
  const parts = { ...given, client: given.client.as('kube-controller-manager') };
  const { caches } = parts;
  // What namespaces are emptied of and owners are looked for in, beside what the controllers below watch themselves.
  for (const kind of [configMaps, secrets, events]) caches.of(kind as unknown as Kind);
  const loops = [
    loop(parts, new DeploymentController(caches.of(deployments), caches.of(replicaSets), caches.of(pods))),
    loop(parts, new ClusterRoleAggregationController(caches.of(clusterRoles))),
    loop(parts, new ReplicaSetController(caches.of(replicaSets), caches.of(pods))),
    loop(
      parts,
      new EndpointSliceController({
        services: caches.of(services),
        pods: caches.of(pods),
        slices: caches.of(endpointSlices),
        nodes: caches.of(nodes),
      }),
    ),
    loop(
      parts,
      new NodeLifecycleController(
        { nodes: caches.of(nodes), leases: caches.of(leases), pods: caches.of(pods) },
        parts.timing ?? timings.upstream,
      ),
    ),
  ];
  loops.push(...workloadControllers(caches).map((controller) => loop(parts, controller)));
  const namespaceCache = caches.of(namespaces);
  const everything = caches.all();
  loops.push(loop(parts, new NamespaceController(namespaceCache, everything)));
  const collectable = everything.filter(({ kind }) => kind.plural !== events.plural);
  loops.push(loop(parts, new GarbageCollector(collectable)));
  return loops;
}

function loop<Observed>({ env, client }: ControllerParts, controller: Controller<Observed>): Component {
  const own = forkEnv(env, controller.name);
  const recorder = new EventRecorder(own, client, controller.name);
  return new ControllerLoop(own, client, controller, { workers, events: recorder });
}
