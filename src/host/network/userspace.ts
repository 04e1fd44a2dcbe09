import type { Cancel, Env } from '../../base/env.ts';
import { hash32 } from '../../base/hash.ts';
import { type Dataplane, type Route, serviceText } from '../../network/dataplane.ts';
import { BackendChoice } from './backend-choice.ts';
import type { Listening, Place, Resolve } from './listening.ts';
import { TcpProxy } from './tcp-proxy.ts';
import { UdpProxy } from './udp-proxy.ts';

const retryMinMs = 100;
const retryMaxMs = 5_000;
// Printed ports are drawn from here by the service's name, so that they are the same after a restart.
const localPortMin = 20_000;
const localPortCount = 10_000;

export interface UserspaceOptions {
  readonly env: Env;
  /** Whether service addresses are this machine's own: see service-addresses.ts. */
  readonly serviceAddresses: boolean;
  readonly resolve?: Resolve;
  /** Where node ports, and services without an address here, are listened at. */
  readonly host?: string;
}

/** How a service is reached from this machine. */
export interface PrintedService {
  /** `namespace/name:port-name`. */
  readonly service: string;
  readonly port: number;
  readonly protocol: string;
  /** `127.0.0.1:20123`; absent while its port could not be had. */
  readonly local?: string;
}

interface Listener {
  readonly place: Place;
  readonly choice: BackendChoice;
  /** Any port will do where the wanted one is taken. */
  readonly flexible: boolean;
  listening: Listening | undefined;
  bound: Place | undefined;
  retry: Cancel | undefined;
  failures: number;
  gone: boolean;
}

/** Services without a kernel's help: this process listens at their addresses and carries the bytes. */
export class UserspaceDataplane implements Dataplane {
  readonly #env: Env;
  readonly #host: string;
  readonly #serviceAddresses: boolean;
  readonly #resolve: Resolve;
  readonly #listeners = new Map<string, Listener>();
  /** Connections outlive their service: closed only at the end. */
  readonly #leaving = new Set<Listening>();
  #closed = false;

  constructor(options: UserspaceOptions) {
    this.#env = options.env;
    this.#host = options.host ?? '127.0.0.1';
    this.#serviceAddresses = options.serviceAddresses;
    this.#resolve = options.resolve ?? ((host, port) => ({ host, port }));
  }

  async replace(table: readonly Route[]): Promise<void> {
    if (this.#closed) return;
    const wanted = this.#wanted(table);
    for (const [key, listener] of this.#listeners) if (!wanted.has(key)) this.#remove(key, listener);
    const started: Promise<void>[] = [];
    for (const [key, { route, place, flexible }] of wanted) {
      const known = this.#listeners.get(key);
      if (known) {
        known.choice.route = route;
        continue;
      }
      const choice = new BackendChoice(this.#env.clock, route);
      const rest = { listening: undefined, bound: undefined, retry: undefined, failures: 0, gone: false };
      const listener: Listener = { place, choice, flexible, ...rest };
      this.#listeners.set(key, listener);
      started.push(this.#start(listener));
    }
    await Promise.all(started);
  }

  printed(): readonly PrintedService[] {
    const found = [...this.#listeners].filter(([key]) => !key.startsWith('node '));
    return found.map(([, { choice, bound }]) => ({
      service: serviceText(choice.route),
      port: choice.route.port,
      protocol: choice.route.protocol,
      ...(bound ? { local: `${bound.host}:${bound.port}` } : {}),
    }));
  }

  close(): void {
    this.#closed = true;
    for (const [key, listener] of this.#listeners) this.#remove(key, listener);
    for (const listening of this.#leaving) listening.close();
    this.#leaving.clear();
  }

  #wanted(table: readonly Route[]): ReadonlyMap<string, Wanted> {
    const wanted = new Map<string, Wanted>();
    for (const route of table) {
      if (route.protocol === 'SCTP') continue;
      const { protocol, vip, port, scope } = route;
      if (scope === 'node') {
        // Loopback is of both families: whichever comes first is carried.
        const key = `node ${protocol} ${port}`;
        if (!wanted.has(key)) wanted.set(key, { route, place: { host: this.#host, port }, flexible: false });
      } else if (this.#serviceAddresses || vip.startsWith('127.')) {
        wanted.set(`${protocol} ${vip} ${port}`, { route, place: { host: vip, port }, flexible: false });
      } else {
        // One printed port per service's port is enough, however many addresses it has.
        const key = `${protocol} ${serviceText(route)} ${port}`;
        const place = { host: this.#host, port: localPortMin + (hash32(key) % localPortCount) };
        if (!wanted.has(key)) wanted.set(key, { route, place, flexible: true });
      }
    }
    return wanted;
  }

  async #start(listener: Listener): Promise<void> {
    try {
      await this.#listen(listener, listener.place);
    } catch (error) {
      if (!listener.flexible) return this.#failed(listener, error);
      await this.#listen(listener, { ...listener.place, port: 0 }).catch((again) => this.#failed(listener, again));
    }
  }

  async #listen(listener: Listener, place: Place): Promise<void> {
    if (listener.gone) return;
    const devices = { clock: this.#env.clock, resolve: this.#resolve };
    const isUdp = listener.choice.route.protocol === 'UDP';
    const listening = isUdp ? new UdpProxy(listener.choice, devices) : new TcpProxy(listener.choice, devices);
    const bound = await listening.listen(place);
    // It may have been taken out of the table while the socket was being bound.
    if (listener.gone) return listening.close();
    listener.listening = listening;
    listener.bound = bound;
    if (listener.failures > 0) this.#env.log.info('a service is listened for at last', about(listener));
    listener.failures = 0;
  }

  #failed(listener: Listener, error: unknown): void {
    if (listener.gone) return;
    const delay = Math.min(retryMinMs * 2 ** listener.failures++, retryMaxMs);
    const message = error instanceof Error ? error.message : String(error);
    const fields = { ...about(listener), error: message };
    // Told once: the tries after it are the same news.
    if (listener.failures === 1) this.#env.log.error('a service cannot be listened for, trying again', fields);
    listener.retry = this.#env.clock.after(delay, () => {
      listener.retry = undefined;
      void this.#start(listener);
    });
  }

  #remove(key: string, listener: Listener): void {
    this.#listeners.delete(key);
    listener.gone = true;
    listener.retry?.();
    const { listening } = listener;
    if (!listening) return;
    this.#leaving.add(listening);
    listening.stopAccepting(() => this.#leaving.delete(listening));
  }
}

interface Wanted {
  readonly route: Route;
  readonly place: Place;
  readonly flexible: boolean;
}

const about = ({ choice, place }: Listener): object => ({
  service: serviceText(choice.route),
  address: `${place.host}:${place.port}`,
  protocol: choice.route.protocol,
});
