import { createWriteStream } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { endpointSlices } from '../api/kinds/endpoint-slice.ts';
import { ingresses } from '../api/kinds/ingress.ts';
import { ingressClasses } from '../api/kinds/ingress-class.ts';
import { secrets } from '../api/kinds/secret.ts';
import { services } from '../api/kinds/service.ts';
import { type Component, type Env, forkEnv } from '../base/env.ts';
import type { Stop } from '../base/stop.ts';
import type { Client } from '../client/client.ts';
import type { Address } from '../host/http/server.ts';
import { HttpProxy } from '../host/network/http/http-proxy.ts';
import type { Resolve } from '../host/network/listening.ts';
import type { Caches } from '../machinery/caches.ts';
import { EventRecorder } from '../machinery/events.ts';
import { EntryPointSource } from '../network/entry-point.ts';
import { HttpRouter, type HttpSource } from '../network/http-router.ts';
import { httpPort, httpsPort, IngressSource } from '../network/ingress-source.ts';
import { followGateways } from './gateway-api.ts';

export interface HttpEntryOptions {
  readonly env: Env;
  readonly client: Client;
  readonly caches: Caches;
  /** Absent: 80 and 443, or 8081 and 8443 where those cannot be had. */
  readonly http?: Address;
  readonly https?: Address;
  /** Whether every Service can be asked for by its name. */
  readonly entryPoint: boolean;
  readonly accessLog?: string;
  readonly resolve?: Resolve;
  /** Leaves a status alone that somebody else has written. */
  readonly yields?: boolean;
}

const unprivileged: Readonly<Record<number, number>> = { [httpPort]: 8081, [httpsPort]: 8443 };

/** Ingresses, Gateways and, where asked for, bare Services, carried by one HTTP proxy in this process. */
export function httpEntry(options: HttpEntryOptions): Component {
  const { env, client, caches, resolve } = options;
  const host = options.http?.host ?? '127.0.0.1';
  const proxy = new HttpProxy({
    env: forkEnv(env, 'http-proxy'),
    host,
    places: (port) => placesOf(options, port),
    ...(resolve ? { resolve } : {}),
    ...(options.accessLog ? { accessLog: logTo(options.accessLog) } : {}),
  });
  const known = caches.of(services);
  const place = { address: reachable(host), yields: options.yields ?? false };
  const ingress = new IngressSource({
    ingresses: caches.of(ingresses),
    classes: caches.of(ingressClasses),
    secrets: caches.of(secrets),
    ...place,
  });
  const sources: HttpSource[] = [ingress, ...(options.entryPoint ? [new EntryPointSource(known, httpPort)] : [])];
  const events = new EventRecorder(env, client, 'mini-k8s-ingress');
  const router = new HttpRouter(forkEnv(env, 'http-router'), {
    client,
    services: known,
    slices: caches.of(endpointSlices),
    dataplane: proxy,
    sources,
    tell: (notice) => events.record(notice),
  });
  return {
    name: router.name,
    run: async (stop: Stop) => {
      const gateways = followGateways({ env, client, caches, router, ...place }, stop);
      try {
        await Promise.all([router.run(stop), gateways]);
      } finally {
        // Whoever is started again after a mistake needs the ports.
        await proxy.close();
      }
    },
  };
}

function placesOf({ http, https }: HttpEntryOptions, port: number): readonly number[] {
  const asked = port === httpPort ? http : port === httpsPort ? https : undefined;
  if (asked) return [asked.port];
  const other = unprivileged[port];
  // Where even the second choice is taken, any port is better than none: the status tells it.
  return other === undefined ? [port] : [port, other, 0];
}

/** What others may call an address that means all of this machine's. */
function reachable(host: string): string {
  if (host !== '0.0.0.0' && host !== '::') return host;
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}

function logTo(file: string): (line: string) => void {
  if (file === '-') return (line) => process.stderr.write(line);
  const stream = createWriteStream(file, { flags: 'a', mode: 0o600 });
  return (line) => void stream.write(line);
}
