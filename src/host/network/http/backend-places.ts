import type { Env, Millis } from '../../../base/env.ts';
import type { HttpBackend, HttpPool, HttpTable } from '../../../network/http-table.ts';
import type { Resolve } from '../listening.ts';
import { BackendConnection, type ConnectionOwner } from './backend-connection.ts';
import type { BackendSession } from './backend-session.ts';
import { deadlines, limits } from './limits.ts';
import type { ForwardedRequest, Try, TryEvents } from './sides.ts';

/** What is kept of one backend from request to request. */
interface Place {
  readonly idle: BackendConnection[];
  session: BackendSession | undefined;
  /** Asked last until then. */
  avoidUntil: Millis;
  /** Whether any table names it: else its connections end with their requests. */
  wanted: boolean;
}

interface PoolState {
  pool: HttpPool;
  turn: number;
  readonly met: Map<string, { readonly key: string; readonly until: Millis }>;
}

const clientsMax = 10_000;
const keyOf = ({ ip, port }: HttpBackend): string => `${ip} ${port}`;

/** The backends of all pools: whose turn it is, and the open connections to each. Both outlive the tables. */
export class BackendPlaces {
  readonly #env: Env;
  readonly #resolve: Resolve;
  readonly #makeSession: (host: string, port: number, closed: () => void) => BackendSession;
  /** The last moment at which anybody is avoided; 0 where nobody is. */
  #avoidUntil: Millis = 0;
  readonly #places = new Map<string, Place>();
  readonly #pools = new Map<string, PoolState>();

  constructor(
    env: Env,
    resolve: Resolve,
    makeSession: (host: string, port: number, closed: () => void) => BackendSession,
  ) {
    this.#env = env;
    this.#resolve = resolve;
    this.#makeSession = makeSession;
  }

  /** New requests go where this table says; connections that nobody wants any more end with what they carry. */
  replace(table: HttpTable): void {
    const wanted = new Set<string>();
    const pools = new Set<string>();
    for (const pool of poolsOf(table)) {
      pools.add(pool.name);
      const known = this.#pools.get(pool.name);
      if (known) known.pool = pool;
      else this.#pools.set(pool.name, { pool, turn: 0, met: new Map() });
      for (const backend of pool.backends) wanted.add(keyOf(backend));
    }
    for (const name of this.#pools.keys()) if (!pools.has(name)) this.#pools.delete(name);
    for (const [key, place] of this.#places) {
      place.wanted = wanted.has(key);
      if (!place.wanted) this.#forget(key, place);
    }
  }

  /** The backends of a pool as they are now, each once, in the order in which they are to be tried. */
  order(pool: HttpPool, client: string): readonly HttpBackend[] {
    const state = this.#pools.get(pool.name);
    const { backends, affinityMs } = state?.pool ?? pool;
    const count = backends.length;
    if (count === 0 || !state) return backends;
    const start = state.turn++ % count;
    const turned = start === 0 ? backends : [...backends.slice(start), ...backends.slice(0, start)];
    // Mostly nobody is avoided, and nobody stays.
    if (!affinityMs && this.#avoidUntil === 0) return turned;
    const now = this.#env.clock.monotonic();
    const met = affinityMs ? state.met.get(client) : undefined;
    const stays = (backend: HttpBackend) => met !== undefined && met.until > now && keyOf(backend) === met.key;
    const avoided = (backend: HttpBackend) => (this.#places.get(keyOf(backend))?.avoidUntil ?? 0) > now;
    if (!met && !turned.some(avoided)) return turned;
    const rank = (backend: HttpBackend) => (avoided(backend) ? 2 : stays(backend) ? 0 : 1);
    return turned.toSorted((a, b) => rank(a) - rank(b));
  }

  /** A client stays with the backend that answered it, where its Service asks for that. */
  met(pool: HttpPool, client: string, backend: HttpBackend): void {
    const state = this.#pools.get(pool.name);
    if (!state || !pool.affinityMs) return;
    state.met.delete(client);
    state.met.set(client, { key: keyOf(backend), until: this.#env.clock.monotonic() + pool.affinityMs });
    if (state.met.size <= clientsMax) return;
    for (const oldest of state.met.keys()) {
      state.met.delete(oldest);
      return;
    }
  }

  avoid(backend: HttpBackend): void {
    this.#avoidUntil = this.#env.clock.monotonic() + deadlines.avoidMs;
    this.#place(backend).avoidUntil = this.#avoidUntil;
  }

  /** `fresh`: over a connection that has never rested. */
  ask(
    to: { readonly backend: HttpBackend; readonly protocol: HttpPool['protocol']; readonly fresh: boolean },
    request: ForwardedRequest,
    events: TryEvents,
  ): Try {
    const place = this.#place(to.backend);
    if (to.protocol === 'h2c' && request.upgrade === '') return this.#session(place, to.backend).ask(request, events);
    const leaves = request.upgrade !== '';
    const connection = (to.fresh || leaves ? undefined : rested(place)) ?? this.#connect(place, to.backend, leaves);
    connection.ask(request, events);
    return connection;
  }

  /** Connections that have rested so long that their backend may be about to close them. */
  tick(now: Millis): void {
    if (this.#avoidUntil < now) this.#avoidUntil = 0;
    for (const { idle } of this.#places.values()) {
      while (idle[0] && (now - idle[0].idleSince > deadlines.backendIdleMs || !idle[0].usable)) idle.shift()?.close();
    }
  }

  close(): void {
    for (const [key, place] of this.#places) this.#forget(key, place);
  }

  #place(backend: HttpBackend): Place {
    const key = keyOf(backend);
    let place = this.#places.get(key);
    if (!place) this.#places.set(key, (place = { idle: [], session: undefined, avoidUntil: 0, wanted: true }));
    return place;
  }

  #forget(key: string, place: Place): void {
    this.#places.delete(key);
    for (const connection of place.idle.splice(0)) connection.close();
    place.session?.leave();
    place.session = undefined;
  }

  #connect(place: Place, { ip, port }: HttpBackend, leavesHttp: boolean): BackendConnection {
    const owner: ConnectionOwner = {
      idle: (connection) => {
        if (!place.wanted || place.idle.length >= limits.idlePerBackendMax) return connection.close();
        connection.idleSince = this.#env.clock.monotonic();
        place.idle.push(connection);
      },
      closed: (connection) => {
        const at = place.idle.indexOf(connection);
        if (at >= 0) place.idle.splice(at, 1);
      },
    };
    return new BackendConnection(this.#resolve(ip, port), owner, leavesHttp);
  }

  #session(place: Place, { ip, port }: HttpBackend): BackendSession {
    const known = place.session;
    if (known?.usable) return known;
    // One that is full or going away ends with its last stream.
    known?.leave();
    const at = this.#resolve(ip, port);
    const made = this.#makeSession(at.host, at.port, () => {
      if (place.session === made) place.session = undefined;
    });
    place.session = made;
    return made;
  }
}

/** The one that was used last: the others may then grow old and be closed. */
function rested({ idle }: Place): BackendConnection | undefined {
  for (let connection = idle.pop(); connection; connection = idle.pop()) {
    if (connection.usable) return connection;
    connection.close();
  }
  return undefined;
}

function* poolsOf({ listeners }: HttpTable): Generator<HttpPool> {
  for (const { sites } of listeners) {
    for (const { hosts } of sites) {
      for (const { rules } of hosts) {
        for (const { action } of rules) {
          if (action.type !== 'forward') continue;
          for (const { pool } of action.choices) if (pool) yield pool;
          for (const { pool } of action.mirrors ?? []) yield pool;
        }
      }
    }
  }
}
