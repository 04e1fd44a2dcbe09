import type { ApiRequest, ApiResponse } from '../../api/wire.ts';
import type { Env } from '../../base/env.ts';
import type { Store } from '../../store/store.ts';
import type { OwnVersion } from '../aggregation/aggregator.ts';
import type { NodeDoors } from '../node-doors.ts';
import { metricsGroup, metricsPriority, metricsResources, metricsRoot, metricsVersion } from './group.ts';
import type { ResourceMetrics } from './resource-metrics.ts';

/** Given by whoever composes the server: what it loads is not needed before somebody asks. */
export type ResourceMetricsMaker = (
  env: Env,
  store: Store,
  nodes: NodeDoors,
) => ResourceMetrics | Promise<ResourceMetrics>;

interface OwnMetricsDeps {
  readonly env: Env;
  readonly store: Store;
  readonly nodes: NodeDoors;
  readonly make: ResourceMetricsMaker;
}

/** The server's own `metrics.k8s.io`, for as long as no other API server was added for it. */
export class OwnMetrics {
  readonly served: OwnVersion = {
    group: metricsGroup,
    version: metricsVersion,
    priority: metricsPriority,
    resources: metricsResources,
  };
  readonly #deps: OwnMetricsDeps;
  #made: Promise<ResourceMetrics> | undefined;

  constructor(deps: OwnMetricsDeps) {
    this.#deps = deps;
  }

  /** Who was added for it has answered already. */
  answer(request: ApiRequest): Promise<ApiResponse> | undefined {
    const { path } = request;
    if (path !== metricsRoot && !path.startsWith(`${metricsRoot}/`)) return undefined;
    const { env, store, nodes, make } = this.#deps;
    this.#made ??= Promise.resolve(make(env, store, nodes));
    return this.#made.then((metrics) => metrics.answer(request));
  }
}
