import { customResourceDefinitions } from '../api/kinds/custom-resource-definition.ts';
import { endpointSlices } from '../api/kinds/endpoint-slice.ts';
import { ingresses } from '../api/kinds/ingress.ts';
import { ingressClasses } from '../api/kinds/ingress-class.ts';
import { namespaces } from '../api/kinds/namespace.ts';
import { secrets } from '../api/kinds/secret.ts';
import { services } from '../api/kinds/service.ts';
import type { Component } from '../base/env.ts';
import type { Stop } from '../base/stop.ts';
import type { Client } from '../client/client.ts';
import { indexSlices } from '../network/http-backends.ts';
import { ingressClassName, ingressController } from '../network/ingress-class.ts';
import { isGatewayDefinition } from './gateway-api.ts';
import type { HttpEntryOptions } from './http-entry.ts';
import { offer } from './offer.ts';

/** Waits until somebody asks for HTTP routes: until then nothing listens, and none of its code is loaded. */
export function lazyHttpEntry(options: HttpEntryOptions): Component {
  const { caches } = options;
  // Whoever runs the caches runs those that were asked for by now.
  for (const kind of [ingressClasses, namespaces, secrets, services]) caches.of(kind as never);
  indexSlices(caches.of(endpointSlices));
  const known = caches.of(ingresses);
  let wake: (() => void) | undefined;
  known.onChange((now) => {
    if (now) wake?.();
  });
  const definitions = caches.of(customResourceDefinitions);
  const hasGateways = () => definitions.list().some(({ metadata }) => isGatewayDefinition(metadata.name));
  definitions.onChange((now) => {
    if (now && isGatewayDefinition(now.metadata.name)) wake?.();
  });
  const asked = (stop: Stop) =>
    new Promise<void>((resolve) => {
      wake = resolve;
      stop.onStop(resolve);
      if (options.entryPoint || options.http || known.list().length > 0 || hasGateways()) resolve();
    });
  return {
    name: 'http-entry',
    run: async (stop) => {
      await asked(stop);
      if (stop.stopped) return;
      const { httpEntry } = await import('./http-entry.ts');
      await httpEntry(options).run(stop);
    },
  };
}

/** The class of Ingresses that name none. */
export const offerIngressClass = (client: Client): Promise<void> =>
  offer(client, ingressClasses, {
    metadata: {
      name: ingressClassName,
      annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' },
    },
    spec: { controller: ingressController },
  });
