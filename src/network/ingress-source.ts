import { type Part, partOf, partsOf } from '../api/kinds/defaulting.ts';
import { type Ingress, ingresses } from '../api/kinds/ingress.ts';
import type { IngressClass } from '../api/kinds/ingress-class.ts';
import type { Secret } from '../api/kinds/secret.ts';
import { keyOf } from '../api/object.ts';
import { equalJson } from '../base/json.ts';
import { type Action, act } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import type { ServiceWorld } from './http-backends.ts';
import type { HttpSource, SourceRoutes } from './http-router.ts';
import type { Bound } from './http-table.ts';
import { ingressRoutes } from './ingress.ts';

export const httpPort = 80;
export const httpsPort = 443;

export interface IngressParts {
  readonly ingresses: Cache<Ingress>;
  readonly classes: Cache<IngressClass>;
  readonly secrets: Cache<Secret>;
  /** Where the proxy can be reached, for whoever reads the status. */
  readonly address: string;
  /** Leaves a status alone that somebody else has written. */
  readonly yields: boolean;
}

/** Ingresses as a source of routes, with their addresses as their status. */
export class IngressSource implements HttpSource {
  readonly #parts: IngressParts;
  #ours: readonly Ingress[] = [];

  constructor(parts: IngressParts) {
    this.#parts = parts;
  }

  get synced(): boolean {
    const { ingresses, classes, secrets } = this.#parts;
    return ingresses.synced && classes.synced && secrets.synced;
  }

  follow(changed: () => void): void {
    const { ingresses, classes, secrets } = this.#parts;
    ingresses.onChange((now, before) => {
      // A status says nothing about routes, and most of them are written by us.
      if (!now || !before || !sameRoutes(now, before)) changed();
    });
    classes.onChange(changed);
    secrets.onChange((now, before) => {
      if ((now ?? before)?.data?.['tls.crt'] !== undefined) changed();
    });
    for (const cache of [ingresses, classes, secrets]) {
      let synced = cache.synced;
      cache.onProgress(() => {
        if (!synced && cache.synced) changed();
        synced = cache.synced;
      });
    }
  }

  routes(world: ServiceWorld): SourceRoutes {
    const { ingresses, classes, secrets } = this.#parts;
    const { hosts, certificates, ours, remarks } = ingressRoutes({
      ...world,
      ingresses: ingresses.list(),
      classes: classes.list(),
      secret: (key) => secrets.get(key),
    });
    this.#ours = ours;
    if (ours.length === 0) return { listeners: [], remarks };
    const sites = [{ host: '', star: 'many' as const, hosts }];
    const plain = { port: httpPort, tls: false, sites, certificates: [] };
    const secure = { port: httpsPort, tls: true, sites, certificates };
    return { listeners: ours.some(wantsTls) ? [plain, secure] : [plain], remarks };
  }

  statuses(bound: readonly Bound[]): readonly Action[] {
    return this.#ours.flatMap((ingress) => {
      const current = this.#parts.ingresses.get(keyOf(ingress));
      if (!current || current.metadata.uid !== ingress.metadata.uid) return [];
      const wanted = [httpPort, ...(wantsTls(ingress) ? [httpsPort] : [])];
      const ports = wanted.flatMap((port) => portStatus(bound.find((one) => one.port === port)));
      const status = ports.length > 0 ? [{ ip: this.#parts.address, ports }] : [];
      const before = partsOf(partOf(partOf(current.status).loadBalancer).ingress);
      if (equalJson(before, status) || (this.#parts.yields && before.length > 0)) return [];
      const patch = { status: { loadBalancer: { ingress: status } } };
      return [act({ verb: 'patch', kind: ingresses, key: keyOf(ingress), patch, subresource: 'status' })];
    });
  }
}

const wantsTls = ({ spec }: Ingress): boolean => partsOf(partOf(spec).tls).length > 0;

/** Where it is really heard. A port that could not be had is left out. */
function portStatus(bound: Bound | undefined): readonly { readonly port: number; readonly protocol: string }[] {
  return bound && 'at' in bound ? [{ port: bound.at, protocol: 'TCP' }] : [];
}

function sameRoutes(a: Ingress, b: Ingress): boolean {
  const routing = ({ metadata, spec }: Ingress): Part => ({ spec, annotations: metadata.annotations ?? {} });
  return !a.metadata.deletionTimestamp === !b.metadata.deletionTimestamp && equalJson(routing(a), routing(b));
}
