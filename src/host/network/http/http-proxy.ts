import type { Duplex } from 'node:stream';
import type { Cancel, Env } from '../../../base/env.ts';
import type { Bound, HttpDataplane, HttpTable } from '../../../network/http-table.ts';
import type { Resolve } from '../listening.ts';
import { BackendPlaces } from './backend-places.ts';
import { BackendSession } from './backend-session.ts';
import type { Exchange } from './exchange.ts';
import { deadlines } from './limits.ts';
import { ProxyListener } from './proxy-listener.ts';

export interface HttpProxyOptions {
  readonly env: Env;
  /** The address that is listened at. */
  readonly host: string;
  /** Where a wanted port is really listened at, first choice first. */
  readonly places: (port: number) => readonly number[];
  readonly resolve?: Resolve;
  /** One line for each request. */
  readonly accessLog?: (line: string) => void;
}

/** What listeners share. */
export interface ProxyParts extends HttpProxyOptions {
  readonly backends: BackendPlaces;
  began(exchange: Exchange): void;
  ended(exchange: Exchange): void;
  join(client: { readonly socket: Duplex; readonly head: Buffer }, backend: { socket: Duplex; head: Buffer }): void;
}

/** HTTP for the whole cluster: listens where the table says, and sends each request where its rule says. */
export class HttpProxy implements HttpDataplane {
  readonly #parts: ProxyParts;
  readonly #listeners = new Map<number, ProxyListener>();
  /** Those that left the table, until their last request has ended. */
  readonly #leaving = new Set<ProxyListener>();
  readonly #exchanges = new Set<Exchange>();
  readonly #joined = new Set<Duplex>();
  readonly #counts = new Map<string, number>();
  #tick: Cancel | undefined;
  #closed = false;

  constructor(options: HttpProxyOptions) {
    const resolve = options.resolve ?? ((host: string, port: number) => ({ host, port }));
    this.#parts = {
      ...options,
      backends: new BackendPlaces(options.env, resolve, (host, port, closed) => new BackendSession(host, port, closed)),
      began: (exchange) => this.#exchanges.add(exchange),
      ended: (exchange) => this.#ended(exchange),
      join: (client, backend) => this.#join(client, backend),
    };
    this.#again();
  }

  async replace(table: HttpTable): Promise<readonly Bound[]> {
    if (this.#closed) return [];
    this.#parts.backends.replace(table);
    const wanted = new Set(table.listeners.map(({ port }) => port));
    for (const [port, listener] of this.#listeners) {
      if (wanted.has(port)) continue;
      this.#listeners.delete(port);
      this.#leaving.add(listener);
      listener.stopAccepting(() => this.#leaving.delete(listener));
    }
    return Promise.all(
      table.listeners.map(async (listener) => {
        const known = this.#listeners.get(listener.port);
        const place = known ?? new ProxyListener(this.#parts, listener.port);
        this.#listeners.set(listener.port, place);
        return place.replace(listener);
      }),
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#tick?.();
    for (const listener of [...this.#listeners.values(), ...this.#leaving]) listener.close();
    for (const socket of this.#joined) socket.destroy();
    this.#parts.backends.close();
  }

  #again(): void {
    this.#tick = this.#parts.env.clock.after(deadlines.tickMs, () => {
      const now = this.#parts.env.clock.monotonic();
      this.#parts.backends.tick(now);
      for (const listener of [...this.#listeners.values(), ...this.#leaving]) listener.tick(now);
      for (const exchange of this.#exchanges) exchange.tick(now);
      for (const [code, count] of this.#counts)
        this.#parts.env.metrics.count('http_proxy_requests_total', { code }, count);
      this.#counts.clear();
      this.#again();
    });
  }

  #ended(exchange: Exchange): void {
    this.#exchanges.delete(exchange);
    const code = String(exchange.status);
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
    this.#parts.accessLog?.(logLine(exchange, this.#parts.env));
  }

  #join(client: { readonly socket: Duplex; readonly head: Buffer }, backend: { socket: Duplex; head: Buffer }): void {
    const pair = [client.socket, backend.socket] as const;
    for (const [index, socket] of pair.entries()) {
      const other = pair[1 - index] as Duplex;
      this.#joined.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => {
        this.#joined.delete(socket);
        other.destroy();
      });
    }
    if (backend.head.length > 0) client.socket.write(backend.head);
    if (client.head.length > 0) backend.socket.write(client.head);
    backend.socket.pipe(client.socket);
    client.socket.pipe(backend.socket);
  }
}

function logLine(exchange: Exchange, env: Env): string {
  const { asker, method, host, target } = exchange.client.request;
  return `${JSON.stringify({
    time: new Date(env.clock.now()).toISOString(),
    client: asker.address,
    method,
    host,
    target,
    status: exchange.status,
    bytes: exchange.bytes,
    durationMs: Math.round(env.clock.monotonic() - exchange.started),
    route: exchange.source,
    backend: exchange.backend,
  })}\n`;
}
