import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer, request } from '../node-http.ts';
import type { Place } from './listening.ts';

const connectWithinMs = 5_000;
const connectionsMax = 1_024;
/** What concerns one connection only, and is not passed on. */
const hopHeaders: readonly string[] = ['connection', 'keep-alive', 'proxy-authorization', 'proxy-connection', 'te'];

/** Where a name and port lead for whom: places to try one after another. */
export type FindWays = (host: string, port: number, namespace: string) => Promise<readonly Place[]>;

/**
 * An HTTP proxy on this machine, for pods that are processes where they cannot have a resolver file: what their
 * programs ask for by name is found for them. The name of the user, as the proxy's URL has it, is the pod's namespace.
 */
export class NameProxy {
  readonly #find: () => Promise<FindWays>;
  readonly #peers = new Set<Socket>();
  #found: Promise<FindWays> | undefined;
  #server: Server | undefined;

  /** What finds the ways is loaded with the first connection. */
  constructor(find: () => Promise<FindWays>) {
    this.#find = find;
  }

  async listen({ host, port }: Place): Promise<Place> {
    const server = createServer((incoming, outgoing) => void this.#forward(incoming, outgoing));
    server.maxConnections = connectionsMax;
    server.on('connect', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
      void this.#tunnel(incoming, socket as Socket, head);
    });
    server.on('connection', (peer) => {
      this.#peers.add(peer);
      peer.on('close', () => this.#peers.delete(peer));
    });
    const bound = await listening(server, host, port).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE' || port === 0) throw error;
      return listening(server, host, 0);
    });
    this.#server = server;
    return { host, port: bound };
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const peer of this.#peers) peer.destroy();
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  async #tunnel(incoming: IncomingMessage, client: Socket, head: Buffer): Promise<void> {
    client.on('error', () => {});
    const target = /^(?:\[(?<six>[^\]]+)\]|(?<host>[^:]+)):(?<port>\d{1,5})$/.exec(incoming.url ?? '')?.groups;
    if (!target) return void client.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    try {
      const host = target['six'] ?? target['host'] ?? '';
      const server = await this.#reach(host, Number(target['port']), namespaceOf(incoming));
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      if (head.length > 0) server.write(head);
      server.on('error', () => client.destroy());
      client.on('close', () => server.destroy());
      server.on('close', () => client.destroy());
      server.pipe(client);
      client.pipe(server);
    } catch (error) {
      client.end(`HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\n\r\n${messageOf(error)}\n`);
    }
  }

  async #forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    let socket: Socket | undefined;
    try {
      const url = new URL(incoming.url ?? '');
      if (url.protocol !== 'http:') throw new Error(`${url.protocol} is not asked for through here in plain text`);
      const host = url.hostname.replace(/^\[|\]$/g, '');
      const open = await this.#reach(host, Number(url.port || 80), namespaceOf(incoming));
      socket = open;
      const kept = Object.entries(incoming.headers).filter(([name]) => !hopHeaders.includes(name));
      const { method } = incoming;
      const wish = { method, path: `${url.pathname}${url.search}`, headers: Object.fromEntries(kept) };
      const asked = request({ ...wish, createConnection: () => open } as never, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.headers);
        answer.pipe(outgoing);
        answer.on('error', () => outgoing.destroy());
      });
      asked.on('error', (error) => refuse(outgoing, error));
      outgoing.on('close', () => open.destroy());
      incoming.pipe(asked);
    } catch (error) {
      socket?.destroy();
      refuse(outgoing, error);
    }
  }

  async #reach(host: string, port: number, namespace: string): Promise<Socket> {
    this.#found ??= this.#find();
    const find = await this.#found;
    const places = await find(host, port, namespace);
    let last: unknown = new Error(`nobody answers for ${host}:${port} in namespace ${namespace}`);
    for (const place of places) {
      try {
        return await connected(place);
      } catch (error) {
        last = error;
      }
    }
    throw last;
  }
}

function namespaceOf({ headers }: IncomingMessage): string {
  const given = /^Basic (.+)$/i.exec(headers['proxy-authorization'] ?? '')?.[1] ?? '';
  return Buffer.from(given, 'base64').toString().split(':', 1)[0] || 'default';
}

function refuse(outgoing: ServerResponse, error: unknown): void {
  if (outgoing.headersSent) return void outgoing.destroy();
  outgoing.writeHead(error instanceof TypeError ? 400 : 502, { 'content-type': 'text/plain' });
  outgoing.end(`${messageOf(error)}\n`);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function listening(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', reject);
      resolve((server.address() as { readonly port: number }).port);
    });
  });
}

function connected({ host, port }: Place): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    socket.setTimeout(connectWithinMs, () => {
      socket.destroy(new Error(`${host}:${port} did not answer within ${connectWithinMs} ms`));
    });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}
