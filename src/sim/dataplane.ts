import type { Clock, Millis } from '../base/env.ts';
import type { Backend, Dataplane, Protocol, Route } from '../network/dataplane.ts';

export interface Packet {
  readonly to: string;
  readonly port: number;
  readonly protocol?: Protocol;
  /** Whoever sends it: what session affinity goes by. */
  readonly from?: string;
}

/** A network made of nothing: it answers who would get a packet, by the same rules as a real one. */
export class SimDataplane implements Dataplane {
  table: readonly Route[] = [];
  /** How often a table arrived: a checker for needless work. */
  replaced = 0;
  readonly #clock: Clock;
  readonly #byAddress = new Map<string, Route>();
  readonly #byNodePort = new Map<string, Route>();
  readonly #turns = new Map<string, number>();
  readonly #stuck = new Map<string, { readonly backend: Backend; readonly until: Millis }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  replace(table: readonly Route[]): Promise<void> {
    this.table = table;
    this.replaced++;
    this.#byAddress.clear();
    this.#byNodePort.clear();
    for (const route of table) {
      this.#byAddress.set(addressText(route.protocol, route.vip, route.port), route);
      if (route.nodePort) this.#byNodePort.set(`${route.protocol} ${route.nodePort}`, route);
    }
    return Promise.resolve();
  }

  /** Undefined: nobody knows the address. 'refused': it is known, and nobody is ready. */
  deliver(packet: Packet): Backend | 'refused' | undefined {
    return this.#through(this.#byAddress.get(addressText(packet.protocol ?? 'TCP', packet.to, packet.port)), packet);
  }

  /** The same at a port of a node's own address. */
  deliverToNode(packet: Packet): Backend | 'refused' | undefined {
    return this.#through(this.#byNodePort.get(`${packet.protocol ?? 'TCP'} ${packet.port}`), packet);
  }

  #through(route: Route | undefined, packet: Packet): Backend | 'refused' | undefined {
    if (!route) return undefined;
    if (route.backends.length === 0) return 'refused';
    const key = addressText(route.protocol, route.vip, route.port);
    const client = `${key} ${packet.from ?? ''}`;
    const now = this.#clock.monotonic();
    const stuck = this.#stuck.get(client);
    const known = (backend: Backend) => backend.ip === stuck?.backend.ip && backend.port === stuck.backend.port;
    let backend = route.affinity && stuck && stuck.until > now ? route.backends.find(known) : undefined;
    if (!backend) {
      const turn = this.#turns.get(key) ?? 0;
      this.#turns.set(key, turn + 1);
      backend = route.backends[turn % route.backends.length] as Backend;
    }
    if (route.affinity) this.#stuck.set(client, { backend, until: now + route.affinity });
    return backend;
  }
}

const addressText = (protocol: Protocol, ip: string, port: number): string => `${protocol} ${ip} ${port}`;
