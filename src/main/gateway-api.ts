import { isApiError } from '../api/error.ts';
import { customResourceDefinitions } from '../api/kinds/custom-resource-definition.ts';
import { namespaces } from '../api/kinds/namespace.ts';
import { secrets } from '../api/kinds/secret.ts';
import { type Component, type Env, forkEnv, sleep } from '../base/env.ts';
import type { Stop } from '../base/stop.ts';
import type { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import type { Caches } from '../machinery/caches.ts';
import { gatewayClassName, gatewayController } from '../network/gateway/gateway-class.ts';
import type { HttpRouter } from '../network/http-router.ts';
import { offer } from './offer.ts';

const lookAgainMs = 200;
const suffix = '.gateway.networking.k8s.io';
/** What must be served before Gateways can be. */
const needed = ['gatewayclasses', 'gateways', 'httproutes', 'referencegrants'].map((plural) => plural + suffix);

/** Puts the definitions of the Gateway API into the cluster, and a class that is ours. Somebody else's stay. */
export function gatewayApi(env: Env, client: Client): Component {
  return {
    name: 'gateway-api',
    run: async (stop) => {
      const { gatewayDefinitions } = await import('../network/gateway/gateway-definitions.ts');
      const { gatewayClasses } = await import('../network/gateway/gateway-kinds.ts');
      for (const definition of gatewayDefinitions) await offer(client, customResourceDefinitions, definition);
      const object = { metadata: { name: gatewayClassName }, spec: { controllerName: gatewayController } };
      while (!stop.stopped) {
        try {
          await offer(client, gatewayClasses, object);
          return;
        } catch (error) {
          // The kind is served a moment after its definition was taken.
          if (!isApiError(error, 'NotFound')) throw error;
          await sleep(env.clock, lookAgainMs, stop).catch(() => {});
        }
      }
    },
  };
}

export interface GatewayFollowing {
  readonly env: Env;
  readonly client: Client;
  readonly caches: Caches;
  readonly router: HttpRouter;
  readonly address: string;
  /** Another proxy may write the same status: what it says of places stands. */
  readonly yields: boolean;
}

/** Once the cluster has the Gateway API, whoever has put it there, its objects are routes like any others. */
export async function followGateways(
  { env, client, caches, router, ...place }: GatewayFollowing,
  stop: Stop,
): Promise<void> {
  const definitions = caches.of(customResourceDefinitions);
  await new Promise<void>((resolve) => {
    const look = () => {
      if (needed.every((name) => isServed(definitions.get({ namespace: '', name })))) resolve();
    };
    definitions.onChange(look);
    stop.onStop(resolve);
    look();
  });
  if (stop.stopped) return;
  const [kinds, { GatewaySource }] = await Promise.all([
    import('../network/gateway/gateway-kinds.ts'),
    import('../network/gateway/gateway-source.ts'),
  ]);
  const own = forkEnv(env, 'gateways');
  const classes = new Cache(own, client, kinds.gatewayClasses);
  const gateways = new Cache(own, client, kinds.gateways);
  const routes = new Cache(own, client, kinds.httpRoutes);
  const grants = new Cache(own, client, kinds.referenceGrants);
  const shared = { secrets: caches.of(secrets), namespaces: caches.of(namespaces) };
  router.add(new GatewaySource({ clock: env.clock, classes, gateways, routes, grants, ...shared, ...place }));
  await Promise.all([classes, gateways, routes, grants].map((cache) => cache.run(stop)));
}

/** Whether there is a Gateway API at all. */
export const isGatewayDefinition = (name: string): boolean => name === `gateways${suffix}`;

function isServed(definition: { readonly status?: unknown } | undefined): boolean {
  const { conditions } = (definition?.status ?? {}) as {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[] | null;
  };
  return (conditions ?? []).some(({ type, status }) => type === 'Established' && status === 'True');
}
