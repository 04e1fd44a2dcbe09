import { performServerHandshake } from 'node:http2';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, Server as TlsServer } from 'node:tls';
import { HttpMatcher } from '../../../network/http-match.ts';
import type { Bound, HttpListener } from '../../../network/http-table.ts';
import { ClientConnection, type Door, plainAddress } from './client-connection.ts';
import { serveSession } from './client-stream.ts';
import { Exchange, type ExchangeWorld } from './exchange.ts';
import type { ProxyParts } from './http-proxy.ts';
import { limits } from './limits.ts';
import { ServerNames } from './server-names.ts';
import type { Client } from './sides.ts';

const streamsMax = 250;

/** One port that is listened at. Its rules change while its clients stay. */
export class ProxyListener implements Door {
  /** Where it is really heard: what a redirect names. */
  port: number;
  secure = false;
  isOpen = true;
  readonly #parts: ProxyParts;
  readonly #names: ServerNames;
  readonly #world: ExchangeWorld;
  readonly #clients = new Set<{ destroy(): void; tick?(now: number): void; leave?(): void }>();
  #matcher: HttpMatcher = new HttpMatcher({ port: 0, tls: false, sites: [], certificates: [] });
  #server: Server | undefined;
  readonly #wanted: number;
  #drained: (() => void) | undefined;

  constructor(parts: ProxyParts, port: number) {
    this.#parts = parts;
    this.#wanted = port;
    this.port = port;
    const { env, backends, began, ended, join } = parts;
    this.#world = { env, places: backends, began, ended, join, find: (question) => this.#matcher.find(question) };
    this.#names = new ServerNames(() => parts.env.clock.now());
  }

  async replace(listener: HttpListener): Promise<Bound> {
    this.#matcher = new HttpMatcher(listener);
    for (const problem of this.#names.replace(listener.certificates)) {
      this.#parts.env.log.error('a certificate cannot be used', { port: this.#wanted, problem });
    }
    if (this.#server instanceof TlsServer) this.#server.setSecureContext(this.#names.unnamed());
    if (this.#server && this.secure !== listener.tls) this.#unlisten();
    this.secure = listener.tls;
    if (!this.#server) {
      const problem = await this.#listen();
      if (problem !== undefined) return { port: this.#wanted, error: problem };
    }
    return { port: this.#wanted, host: this.#parts.host, at: this.port };
  }

  /** The first place that can be had; otherwise what was wrong with the last. */
  async #listen(): Promise<string | undefined> {
    let problem = '';
    for (const place of this.#parts.places(this.#wanted)) {
      const server = this.secure ? this.#tlsServer() : createServer((socket) => this.#connection(socket));
      const error = await listening(server, place, this.#parts.host);
      if (error === undefined) {
        this.#server = server;
        this.port = (server.address() as { port: number }).port;
        server.on('error', (failed) => this.#parts.env.log.error('a listener failed', { error: failed.message }));
        return undefined;
      }
      problem = `port ${place}: ${error.message}`;
    }
    return problem;
  }

  #tlsServer(): Server {
    const server = createTlsServer({
      ALPNProtocols: ['h2', 'http/1.1'],
      minVersion: 'TLSv1.2',
      SNICallback: (name, done) => done(null, this.#names.find(name)),
      ...this.#names.unnamed(),
    });
    server.on('secureConnection', (socket: TLSSocket) => {
      if (socket.alpnProtocol === 'h2') this.session(socket);
      else this.#connection(socket);
    });
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    return server;
  }

  #connection(socket: Socket): void {
    if (this.#clients.size >= limits.clientsMax) socket.destroy();
    else this.#clients.add(new ClientConnection(socket, this));
  }

  session(socket: Socket): void {
    const session = performServerHandshake(socket, {
      settings: { maxConcurrentStreams: streamsMax, maxHeaderListSize: limits.headBytesMax },
    });
    const { tick } = serveSession(session, this, plainAddress(socket.remoteAddress ?? ''));
    const client = { tick, destroy: () => session.destroy(), leave: () => session.close() };
    this.#clients.add(client);
    session.once('close', () => this.gone(client));
  }

  now(): number {
    return this.#parts.env.clock.monotonic();
  }

  accept(client: Client): Exchange {
    return new Exchange(this.#world, client, this.now());
  }

  gone(client: { destroy(): void }): void {
    this.#clients.delete(client);
    if (this.#clients.size === 0) this.#drained?.();
  }

  tick(now: number): void {
    for (const client of this.#clients) client.tick?.(now);
  }

  /** Nobody new; who has asked is answered. */
  stopAccepting(drained: () => void): void {
    this.#drained = drained;
    this.#unlisten();
    this.isOpen = false;
    for (const client of this.#clients) client.leave?.();
    this.tick(this.now());
    if (this.#clients.size === 0) drained();
  }

  close(): void {
    this.#unlisten();
    this.isOpen = false;
    for (const client of this.#clients) client.destroy();
  }

  #unlisten(): void {
    this.#server?.close();
    this.#server = undefined;
  }
}

function listening(server: Server, port: number, host: string): Promise<Error | undefined> {
  return new Promise((resolve) => {
    server.once('error', resolve);
    server.listen(port, host, () => {
      server.off('error', resolve);
      resolve(undefined);
    });
  });
}
