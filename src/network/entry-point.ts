import type { Service, ServicePort } from '../api/kinds/service.ts';
import { byKey, keyOf } from '../api/object.ts';
import type { Cache } from '../machinery/cache.ts';
import { poolOf, type ServiceWorld } from './http-backends.ts';
import type { HttpSource, SourceRoutes } from './http-router.ts';
import type { ForwardAction, HttpHost, HttpRule } from './http-table.ts';

/** Services by their mere names as a source of routes, after all others. */
export class EntryPointSource implements HttpSource {
  readonly #services: Cache<Service>;
  readonly #port: number;

  constructor(services: Cache<Service>, port: number) {
    this.#services = services;
    this.#port = port;
  }

  get synced(): boolean {
    return this.#services.synced;
  }

  follow(changed: () => void): void {
    this.#services.onChange(changed);
  }

  routes(world: ServiceWorld): SourceRoutes {
    const site = { host: '', star: 'many' as const, hosts: entryPoint(this.#services.list(), world) };
    return { listeners: [{ port: this.#port, tls: false, sites: [site], certificates: [] }], remarks: [] };
  }

  statuses(): readonly [] {
    return [];
  }
}

/**
 * One entry point for all Services, without any further object: by the first label of the name that was asked for
 * (`web.localhost`, `web.default.svc`), else by the first part of the path (`/web/...`, which the backend does not
 * see). Where only one Service could be meant, it answers everything else.
 */
export function entryPoint(services: readonly Service[], world: ServiceWorld): readonly HttpHost[] {
  const served = services
    .filter(isServed)
    .sort(byKey)
    .flatMap((service) => {
      const port = httpPort(service);
      const pool = port && poolOf(world, keyOf(service), { number: port.port });
      return pool && !('problem' in pool) ? [{ service, action: forward(pool) }] : [];
    });
  const hosts = new Map<string, HttpRule[]>();
  const under = (host: string, rule: HttpRule) => hosts.set(host, [...(hosts.get(host) ?? []), rule]);
  for (const { service, action } of served) {
    const { namespace = '', name } = service.metadata;
    const source = `service ${namespace}/${name}`;
    const isPlain = isMeant(
      service,
      served.map((other) => other.service),
    );
    const whole: HttpRule = { path: { type: 'Prefix', value: '/' }, action, source };
    for (const suffix of ['', '.svc', '.svc.cluster.local', '.localhost'])
      under(`${name}.${namespace}${suffix}`, whole);
    if (!isPlain) continue;
    for (const host of [name, `${name}.localhost`]) under(host, whole);
    const below: ForwardAction = { ...action, rewrite: { path: { replace: 'prefix', value: '/' } } };
    under('', { path: { type: 'Prefix', value: `/${name}` }, action: below, source });
  }
  const [only] = served;
  if (only && served.length === 1) {
    const { namespace = '', name } = only.service.metadata;
    under('', { path: { type: 'Prefix', value: '/' }, action: only.action, source: `service ${namespace}/${name}` });
  }
  return [...hosts].map(([host, rules]) => ({ host, star: 'one', rules }));
}

const forward = (pool: NonNullable<ForwardAction['choices'][number]['pool']>): ForwardAction => ({
  type: 'forward',
  choices: [{ weight: 1, pool }],
});

/** The API's own Service speaks TLS, and who may not ask it directly shall not ask it here. */
function isServed({ metadata: { namespace, name }, spec }: Service): boolean {
  if (namespace === 'kube-system' || (namespace === 'default' && name === 'kubernetes')) return false;
  return spec.type !== 'ExternalName';
}

/** A bare name means the Service of the namespace default, else the only one of that name. */
function isMeant({ metadata }: Service, all: readonly Service[]): boolean {
  if (metadata.namespace === 'default') return true;
  return all.filter((other) => other.metadata.name === metadata.name).length === 1;
}

/** The port that speaks HTTP, as far as one can tell. */
function httpPort({ spec }: Service): ServicePort | undefined {
  const ports = (spec.ports ?? []).filter(({ protocol }) => (protocol ?? 'TCP') === 'TCP');
  const named = ports.find(({ name, appProtocol }) => /^(http|h2c|grpc)\b/.test(name ?? appProtocol ?? ''));
  return named ?? ports.find(({ port }) => port === 80) ?? ports[0];
}
