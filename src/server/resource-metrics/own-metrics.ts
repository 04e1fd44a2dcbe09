import type { ApiRequest, ApiResponse } from '../../api/wire.ts';
import type { OwnVersion } from '../aggregation/aggregator.ts';
import {
  externalGroup,
  externalResources,
  metricsGroup,
  metricsPriority,
  metricsResources,
  metricsVersion,
} from './group.ts';

/** Somebody who answers everything below the root of one group and version. */
export interface MetricsApi {
  answer(request: ApiRequest): Promise<ApiResponse>;
}
/** Given by whoever composes the server: what it loads is not needed before somebody asks. */
export type MetricsMaker = () => MetricsApi | Promise<MetricsApi>;

/** One of the server's own APIs of metrics, for as long as no other API server was added for it. */
export class OwnMetrics {
  readonly served: OwnVersion;
  readonly #make: MetricsMaker;
  #made: Promise<MetricsApi> | undefined;

  constructor(served: OwnVersion, make: MetricsMaker) {
    this.served = served;
    this.#make = make;
  }

  /** Who was added for it has answered already. */
  answer(request: ApiRequest): Promise<ApiResponse> | undefined {
    const { path } = request;
    const root = `/apis/${this.served.group}/${this.served.version}`;
    if (path !== root && !path.startsWith(`${root}/`)) return undefined;
    this.#made ??= Promise.resolve(this.#make());
    return this.#made.then((metrics) => metrics.answer(request));
  }
}

const shared = { version: metricsVersion, priority: metricsPriority };
export const resourceVersion: OwnVersion = { ...shared, group: metricsGroup, resources: metricsResources };
export const externalVersion: OwnVersion = { ...shared, group: externalGroup, resources: externalResources };
