import { builtInKinds } from '../api/kinds/all.ts';
import { clusterRoles } from '../api/kinds/cluster-role.ts';
import { deployments } from '../api/kinds/deployment.ts';
import { pods } from '../api/kinds/pod.ts';
import { replicaSets } from '../api/kinds/replica-set.ts';
import { type Component, type Env, forkEnv } from '../base/env.ts';
import type { Client } from '../client/client.ts';
import type { Caches } from '../machinery/caches.ts';
import type { Controller } from '../machinery/controller.ts';
import { ControllerLoop } from '../machinery/controller-loop.ts';
import { EventRecorder } from '../machinery/events.ts';
import { KindCaches } from '../machinery/kind-caches.ts';
import { speakerFor } from './accounts.ts';
import { type BalancerSetting, clusterControllers } from './cluster.ts';
import { ClusterRoleAggregationController } from './cluster-role-aggregation.ts';
import { DeploymentController } from './deployment.ts';
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
  /** What nodes get parts of; without it nobody gives them any. */
  readonly podRange?: string;
  /** Pods are moved to nodes that come back or are added. */
  readonly rebalance?: boolean;
  /** Without it services of type LoadBalancer wait for somebody else. */
  readonly balancer?: BalancerSetting;
}

/** Every controller in its loop. */
export function allControllers(given: ControllerParts): readonly Component[] {
  const parts = { ...given, client: given.client.as('kube-controller-manager') };
  const { caches } = parts;
  const kinds = new KindCaches(parts.env, parts.client, caches, builtInKinds);
  const loops = [
    loop(parts, new DeploymentController(caches.of(deployments), caches.of(replicaSets), caches.of(pods))),
    loop(parts, new ClusterRoleAggregationController(caches.of(clusterRoles))),
    loop(parts, new ReplicaSetController(caches.of(replicaSets), caches.of(pods))),
  ];
  loops.push(...workloadControllers(caches, kinds).map((controller) => loop(parts, controller)));
  const cluster = clusterControllers(caches, kinds, {
    timing: parts.timing ?? timings.upstream,
    crypto: parts.env.crypto,
    ...(parts.podRange === undefined ? {} : { podRange: parts.podRange }),
    rebalance: parts.rebalance ?? false,
    ...(parts.balancer ? { balancer: parts.balancer } : {}),
  });
  loops.push(...cluster.map((controller) => loop(parts, controller)));
  return [kinds, ...loops];
}

function loop<Observed>(parts: ControllerParts, controller: Controller<Observed>): Component {
  const own = forkEnv(parts.env, controller.name);
  const client = parts.client.as('kube-controller-manager', speakerFor(controller.name));
  const recorder = new EventRecorder(own, client, controller.name);
  return new ControllerLoop(own, client, controller, { workers, events: recorder, reader: parts.client });
}
