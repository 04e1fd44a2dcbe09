import { isApiError } from '../api/error.ts';
import type { EndpointSlice } from '../api/kinds/endpoint-slice.ts';
import { serviceKeyOf } from '../api/kinds/endpoint-slice.ts';
import type { Service } from '../api/kinds/service.ts';
import { type KubeObject, keyOf, keyText } from '../api/object.ts';
import type { Cancel, Component, Env } from '../base/env.ts';
import { never, type Stop } from '../base/stop.ts';
import type { Action, Notice } from '../client/action.ts';
import type { Client } from '../client/client.ts';
import type { Cache } from '../machinery/cache.ts';
import { cachedServices, indexSlices, type ServiceWorld } from './http-backends.ts';
import type { Bound, HttpCertificate, HttpDataplane, HttpListener, HttpSite } from './http-table.ts';

/** One rollout changes many objects within a moment: they travel to the proxy together. */
const coalesceMs = 5;
const retryMs = 1_000;
/** A port that somebody else has may become free. */
const portRetryMs = 5_000;

/** Something that is worth telling whoever made an object. */
export interface Remark {
  readonly about: KubeObject;
  readonly reason: string;
  readonly message: string;
}

export interface SourceRoutes {
  readonly listeners: readonly HttpListener[];
  readonly remarks: readonly Remark[];
}

/** One way to say where HTTP requests go: Ingresses, Gateways, or Services by their mere names. */
export interface HttpSource {
  /** Whether all that it reads has been listed once. */
  readonly synced: boolean;
  /** Told to call back whenever it may have something new to say. */
  follow(changed: () => void): void;
  routes(world: ServiceWorld): SourceRoutes;
  /** What is to be written, now that the proxy has answered. */
  statuses(bound: readonly Bound[]): readonly Action[];
}

export interface RouterParts {
  readonly client: Client;
  readonly services: Cache<Service>;
  readonly slices: Cache<EndpointSlice>;
  readonly dataplane: HttpDataplane;
  /** Earlier sources win where two want the same. */
  readonly sources: readonly HttpSource[];
  tell(notice: Notice): void;
}

/** Keeps the HTTP proxy as its sources have it, and tells their objects what became of them. */
export class HttpRouter implements Component {
  readonly name = 'http-router';
  readonly #env: Env;
  readonly #parts: RouterParts;
  readonly #sources: HttpSource[] = [];
  /** `namespace/name` of the Services that the last table asked for. */
  #asked: ReadonlySet<string> = new Set();
  #told: ReadonlySet<string> = new Set();
  /** The ports that could not be had, and why. */
  #ports = '';
  #stop: Stop = never;
  #timer: Cancel | undefined;
  #running = false;
  #replacing = false;
  #dirty = true;

  /** The caches are run by whoever made them; they are shared with other parts. */
  constructor(env: Env, parts: RouterParts) {
    this.#env = env;
    this.#parts = parts;
    indexSlices(parts.slices);
    parts.services.onChange((now, before) => this.#serviceChanged(keyText(keyOf((now ?? before) as Service))));
    parts.slices.onChange((now, before) => this.#serviceChanged(serviceKeyOf((now ?? before) as EndpointSlice)));
    for (const cache of [parts.services, parts.slices]) cache.onProgress(() => this.#progressed());
    for (const source of parts.sources) this.add(source);
  }

  /** A source that came later than the others is not waited for: it has no say until it has seen all. */
  add(source: HttpSource): void {
    this.#sources.push(source);
    source.follow(() => this.#touch());
    this.#touch();
  }

  run(stop: Stop): Promise<void> {
    this.#stop = stop;
    this.#running = true;
    this.#touch();
    return new Promise((resolve) => {
      stop.onStop(() => {
        this.#running = false;
        this.#timer?.();
        resolve();
      });
    });
  }

  #serviceChanged(key: string): void {
    if (this.#asked.has(key)) this.#touch();
  }

  #progressed(): void {
    if (this.#dirty) this.#soon(coalesceMs);
  }

  #touch(): void {
    this.#dirty = true;
    this.#soon(coalesceMs);
  }

  #soon(delay: number): void {
    if (this.#timer || this.#replacing || !this.#running) return;
    // A table from half a view would take routes away that the other half knows.
    const { services, slices } = this.#parts;
    if (!services.synced || !slices.synced || !this.#parts.sources.every(({ synced }) => synced)) return;
    this.#timer = this.#env.clock.after(delay, () => {
      this.#timer = undefined;
      void this.#replace();
    });
  }

  async #replace(): Promise<void> {
    this.#replacing = true;
    this.#dirty = false;
    let failed = false;
    let missesPorts = false;
    try {
      const asked = new Set<string>();
      const world = cachedServices(this.#parts.services, this.#parts.slices, asked);
      const sources = this.#sources.filter(({ synced }) => synced);
      const all = sources.map((source) => source.routes(world));
      this.#asked = asked;
      const listeners = merged(all.flatMap((routes) => routes.listeners));
      const bound = await this.#parts.dataplane.replace({ listeners });
      missesPorts = this.#complain(bound);
      this.#tell(all.flatMap(({ remarks }) => remarks));
      failed = !(await this.#write(sources.flatMap((source) => source.statuses(bound))));
    } catch (error) {
      failed = true;
      this.#env.log.error('the HTTP routes could not be applied, trying again', { error: String(error) });
    }
    this.#replacing = false;
    if (this.#stop.stopped) return;
    const changed = this.#dirty;
    this.#dirty ||= failed || missesPorts;
    if (this.#dirty) this.#soon(changed ? coalesceMs : failed ? retryMs : portRetryMs);
  }

  /** Told once: the tries after it are the same news. */
  #complain(bound: readonly Bound[]): boolean {
    const problems = bound.flatMap((one) => ('error' in one ? [`${one.port}: ${one.error}`] : []));
    const text = problems.join('; ');
    if (text !== '' && text !== this.#ports) {
      this.#env.log.error('HTTP cannot be listened for, trying again', { problem: text });
    }
    this.#ports = text;
    return problems.length > 0;
  }

  /** What was told once is not told again until it was put right. */
  #tell(remarks: readonly Remark[]): void {
    const told = new Set<string>();
    for (const { about, reason, message } of remarks) {
      const key = `${about.metadata.uid} ${message}`;
      if (!this.#told.has(key) && !told.has(key)) {
        this.#parts.tell({ verb: 'event', about, type: 'Warning', reason, message });
      }
      told.add(key);
    }
    this.#told = told;
  }

  async #write(actions: readonly Action[]): Promise<boolean> {
    let done = true;
    for (const action of actions) {
      try {
        await this.#parts.client.send(action);
      } catch (error) {
        if (!isApiError(error)) throw error;
        // It is gone, or somebody was faster: what we see next says it.
        if (error.reason === 'NotFound' || error.reason === 'Conflict') continue;
        this.#env.log.error('a status could not be written', { error: error.message });
        done = false;
      }
    }
    return done;
  }
}

/** One listener a port. Where two disagree about encryption, the first says it. */
function merged(listeners: readonly HttpListener[]): readonly HttpListener[] {
  const byPort = new Map<number, { tls: boolean; sites: HttpSite[]; certificates: HttpCertificate[] }>();
  for (const { port, tls, sites, certificates } of listeners) {
    const known = byPort.get(port);
    if (!known) byPort.set(port, { tls, sites: [...sites], certificates: [...certificates] });
    else if (known.tls === tls) {
      known.sites.push(...sites);
      known.certificates.push(...certificates);
    }
  }
  return [...byPort].map(([port, rest]) => ({ port, ...rest }));
}
