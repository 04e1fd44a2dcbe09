import { type EndpointSlice, serviceKeyOf } from '../api/kinds/endpoint-slice.ts';
import type { Node } from '../api/kinds/node.ts';
import type { Service } from '../api/kinds/service.ts';
import { keyOf, keyText, parseKey } from '../api/object.ts';
import type { Cancel, Component, Env } from '../base/env.ts';
import { never, type Stop } from '../base/stop.ts';
import { compareText } from '../base/text.ts';
import type { Cache } from '../machinery/cache.ts';
import type { Dataplane, Route } from './dataplane.ts';
import type { TableOptions } from './endpoint-choice.ts';
import { type HealthCheck, type HealthPorts, healthCheckOf } from './health-check.ts';
import { routesOf } from './table.ts';

/** One rollout changes many slices within a moment: they travel to the dataplane together. */
const coalesceMs = 2;
const retryMs = 1_000;

export interface ProxyParts extends Pick<TableOptions, 'node'> {
  /** Where the node's zone stands. */
  readonly nodes?: Cache<Node>;
  readonly services: Cache<Service>;
  readonly slices: Cache<EndpointSlice>;
  readonly dataplane: Dataplane;
  readonly health?: HealthPorts;
}

/** Keeps the dataplane as Services and EndpointSlices have it. Only services that changed are worked out again. */
export class ServiceProxy implements Component {
  readonly name = 'service-proxy';
  readonly #env: Env;
  readonly #parts: ProxyParts;
  readonly #routes = new Map<string, readonly Route[]>();
  readonly #checks = new Map<string, HealthCheck>();
  readonly #dirty = new Set<string>();
  #stop: Stop = never;
  #running = false;
  #timer: Cancel | undefined;
  #replacing = false;
  /** A table was handed over at least once: an empty cluster has a table too, it takes old addresses away. */
  #told = false;

  /** The caches are run by whoever made them; they are shared with other parts. */
  constructor(env: Env, parts: ProxyParts) {
    this.#env = env;
    this.#parts = parts;
    parts.slices.index('service', (slice) => [serviceKeyOf(slice)]);
    parts.services.onChange((now, before) => {
      for (const service of [now, before]) if (service) this.#touch(keyText(keyOf(service)));
    });
    parts.slices.onChange((now, before) => {
      for (const slice of [now, before]) if (slice) this.#touch(serviceKeyOf(slice));
    });
    parts.nodes?.onChange((now, before) => {
      if ((now ?? before)?.metadata.name !== parts.node || zoneOf(now) === zoneOf(before)) return;
      for (const service of parts.services.list()) this.#touch(keyText(keyOf(service)));
    });
    parts.services.onProgress(() => this.#first());
    parts.slices.onProgress(() => this.#first());
  }

  run(stop: Stop): Promise<void> {
    this.#stop = stop;
    this.#running = true;
    this.#first();
    if (this.#dirty.size > 0) this.#soon(coalesceMs);
    return new Promise((resolve) => {
      stop.onStop(() => {
        this.#running = false;
        this.#timer?.();
        this.#timer = undefined;
        resolve();
      });
    });
  }

  #touch(key: string): void {
    this.#dirty.add(key);
    this.#soon(coalesceMs);
  }

  #first(): void {
    if (!this.#told) this.#soon(coalesceMs);
  }

  #soon(delay: number): void {
    if (this.#timer || this.#replacing || !this.#running) return;
    // A table from half a view would take routes away that the other half knows.
    if (!this.#parts.services.synced || !this.#parts.slices.synced) return;
    this.#timer = this.#env.clock.after(delay, () => {
      this.#timer = undefined;
      void this.#replace();
    });
  }

  async #replace(): Promise<void> {
    this.#replacing = true;
    let failed = false;
    try {
      for (const key of this.#dirty) this.#workOut(key);
      this.#dirty.clear();
      this.#parts.health?.replace([...this.#checks.values()]);
      const keys = [...this.#routes.keys()].sort(compareText);
      this.#told = true;
      const started = this.#env.clock.monotonic();
      await this.#parts.dataplane.replace(keys.flatMap((key) => this.#routes.get(key) ?? []));
      const seconds = (this.#env.clock.monotonic() - started) / 1000;
      this.#env.metrics.observe('service_proxy_replace_duration_seconds', seconds);
    } catch (error) {
      failed = true;
      this.#told = false;
      this.#env.log.error('the service table could not be applied, trying again', { error: String(error) });
    }
    this.#replacing = false;
    if (this.#stop.stopped) return;
    if (failed) this.#soon(retryMs);
    else if (this.#dirty.size > 0) this.#soon(coalesceMs);
  }

  #place(): TableOptions {
    const { node, nodes } = this.#parts;
    if (node === undefined) return {};
    const zone = zoneOf(nodes?.get({ namespace: '', name: node }));
    return { node, ...(zone === undefined ? {} : { zone }) };
  }

  #workOut(key: string): void {
    const service = this.#parts.services.get(parseKey(key));
    const slices = this.#parts.slices.by('service', key);
    const check = service && healthCheckOf(service, slices, this.#parts.node);
    if (check) this.#checks.set(key, check);
    else this.#checks.delete(key);
    const routes = service ? routesOf(service, slices, this.#place()) : [];
    if (routes.length > 0) this.#routes.set(key, routes);
    else this.#routes.delete(key);
  }
}

const zoneOf = (node: Node | undefined): string | undefined => node?.metadata.labels?.['topology.kubernetes.io/zone'];
