import type { Namespace } from '../../api/kinds/namespace.ts';
import type { Secret } from '../../api/kinds/secret.ts';
import { type KubeObject, keyOf } from '../../api/object.ts';
import type { Clock } from '../../base/env.ts';
import { equalJson } from '../../base/json.ts';
import { timestamp } from '../../base/text.ts';
import type { Action } from '../../client/action.ts';
import type { Cache } from '../../machinery/cache.ts';
import type { ServiceWorld } from '../http-backends.ts';
import type { HttpSource, SourceRoutes } from '../http-router.ts';
import type { Bound } from '../http-table.ts';
import { type GatewayRoutes, gatewayRoutes } from './gateway.ts';
import type { Gateway, GatewayClass, HttpRoute, ReferenceGrant } from './gateway-kinds.ts';
import { classStatus, gatewayStatus, routeStatus } from './gateway-status.ts';

export interface GatewayParts {
  readonly clock: Clock;
  readonly classes: Cache<GatewayClass>;
  readonly gateways: Cache<Gateway>;
  readonly routes: Cache<HttpRoute>;
  readonly grants: Cache<ReferenceGrant>;
  readonly secrets: Cache<Secret>;
  readonly namespaces: Cache<Namespace>;
  /** Where the proxy can be reached. */
  readonly address: string;
  /** Another proxy may write the same status: what it says of places stands. */
  readonly yields: boolean;
}

/** Gateways and their routes as a source of routes, with what became of them as their status. */
export class GatewaySource implements HttpSource {
  readonly #parts: GatewayParts;
  #last: GatewayRoutes | undefined;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
  }

  get #caches(): readonly Cache[] {
    const { classes, gateways, routes, grants, secrets, namespaces } = this.#parts;
    return [classes, gateways, routes, grants, secrets, namespaces] as unknown as readonly Cache[];
  }

  get synced(): boolean {
    return this.#caches.every(({ synced }) => synced);
  }

  follow(changed: () => void): void {
    for (const cache of this.#caches) {
      cache.onChange((now, before) => {
        // Most changes of a status are our own.
        if (!now || !before || !sameButStatus(now, before)) changed();
      });
      let synced = cache.synced;
      cache.onProgress(() => {
        if (!synced && cache.synced) changed();
        synced = cache.synced;
      });
    }
  }

  routes(world: ServiceWorld): SourceRoutes {
    const { classes, gateways, routes, grants, secrets, namespaces } = this.#parts;
    this.#last = gatewayRoutes({
      ...world,
      classes: classes.list(),
      gateways: gateways.list(),
      routes: routes.list(),
      grants: grants.list(),
      secret: (key) => secrets.get(key),
      namespaceLabels: (name) => {
        const found = namespaces.get({ namespace: '', name });
        return found && (found.metadata.labels ?? {});
      },
    });
    return { listeners: this.#last.listeners, remarks: [] };
  }

  statuses(bound: readonly Bound[]): readonly Action[] {
    if (!this.#last) return [];
    const { clock, address, yields, classes, gateways, routes } = this.#parts;
    const context = { now: timestamp(clock.now()), address, yields, bound };
    return [
      ...this.#last.classes.flatMap((one) => classStatus(current(classes, one), context)),
      ...this.#last.gateways.flatMap((result) =>
        gatewayStatus({ ...result, gateway: withStatus(gateways, result.gateway) }, context),
      ),
      ...this.#last.routes.flatMap((result) =>
        routeStatus({ ...result, route: withStatus(routes, result.route) }, context),
      ),
    ];
  }
}

const current = <T extends KubeObject>(cache: Cache<T>, object: T): T => cache.get(keyOf(object)) ?? object;

/** What was judged, with the status that stands now. */
const withStatus = <T extends KubeObject>(cache: Cache<T>, object: T): T => ({
  ...object,
  status: current(cache, object).status,
});

function sameButStatus(a: KubeObject, b: KubeObject): boolean {
  const rest = ({ metadata, status: _, ...more }: KubeObject): object => ({
    ...more,
    labels: metadata.labels,
    generation: metadata.generation,
    deleted: metadata.deletionTimestamp,
  });
  return equalJson(rest(a), rest(b));
}
