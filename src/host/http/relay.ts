import type { IncomingMessage, RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { Duplex as NodeDuplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { ApiError } from '../../api/error.ts';
import type { ApiRequest, ApiResponse, Duplex, Transport } from '../../api/wire.ts';
import { Stopped } from '../../base/env.ts';
import { request as httpRequest } from '../node-http.ts';
import { duplexOf } from './duplex.ts';

/** Whom requests are passed on to, as they are. */
export interface RelayTarget {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** PEM. Without one, whatever certificate is shown is believed. */
  readonly authority?: string;
  /** The name that the certificate has to be for. */
  readonly serverName?: string;
  /** Our own, PEM. */
  readonly certificate?: string;
  readonly key?: string;
  /** Another way there than by host and port. */
  readonly dial?: () => Promise<Duplex>;
}

const connectWithinMs = 30_000;

/** Passes requests on and streams what comes back: bodies of any kind and length, and upgrades. */
export function relay(target: RelayTarget): Transport {
  const { scheme, host, port, authority, serverName, certificate, key, dial } = target;
  const ask = scheme === 'https' ? httpsRequest : httpRequest;
  const secrets = {
    rejectUnauthorized: authority !== undefined,
    ...(authority === undefined ? {} : { ca: authority }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
  };
  return (request) => {
    const { method, body } = request;
    const bytes = body && 'bytes' in body ? body.bytes : undefined;
    const headers = { ...linesOf(request.headers), ...(bytes ? { 'content-length': String(bytes.length) } : {}) };
    const defaultPort = scheme === 'https' ? 443 : 80;
    const options: RequestOptions = { host, port, defaultPort, method, path: pathOf(request), headers };
    return new Promise<ApiResponse>((resolve, reject) => {
      if (request.stop.stopped) return reject(new Stopped());
      // Each request has a connection of its own; an agent would not let it be dialled.
      const way = dial
        ? { createConnection: dialled(dial, scheme === 'https' ? secrets : undefined) }
        : { agent: false };
      const outgoing = ask({ ...options, ...way, ...(scheme === 'https' ? secrets : {}) });
      const forget = request.stop.onStop(() => outgoing.destroy(new Stopped()));
      const late = setTimeout(() => outgoing.destroy(new Error('i/o timeout')), connectWithinMs);
      outgoing.once('socket', (socket) => {
        // A way that was dialled is open by now.
        if (dial) clearTimeout(late);
        socket.once(scheme === 'https' ? 'secureConnect' : 'connect', () => clearTimeout(late));
      });
      outgoing.once('close', () => {
        clearTimeout(late);
        forget();
      });
      outgoing.on('response', (incoming) => resolve(answerOf(incoming, method)));
      outgoing.on('upgrade', (incoming, socket: Socket, head) => resolve(upgradeOf(incoming, socket, head)));
      outgoing.on('error', (error) => {
        if (error instanceof Stopped) reject(error);
        else reject(new ApiError('ServiceUnavailable', `dial tcp ${host}:${port}: ${error.message}`));
      });
      outgoing.end(bytes);
    });
  };
}

/** A header with several values has one in each line. */
function linesOf(headers: ApiRequest['headers']): Record<string, string | readonly string[]> {
  const several: Record<string, string | readonly string[]> = {};
  for (const name in headers) {
    const value = headers[name] as string;
    several[name] = value.includes('\n') ? value.split('\n') : value;
  }
  return several;
}

type Created = (error: Error | null, socket: NodeDuplex) => void;

/** A connection of another kind as Node's client wants it; with secrets, TLS inside it. */
function dialled(dial: () => Promise<Duplex>, secrets: object | undefined) {
  return (_options: unknown, created: Created): undefined => {
    dial().then(
      (duplex) => {
        const raw = streamOf(duplex);
        created(null, secrets ? connectTls({ ...secrets, socket: raw }) : raw);
      },
      (error: Error) => created(error, undefined as unknown as NodeDuplex),
    );
    return undefined;
  };
}

function streamOf(duplex: Duplex): NodeDuplex {
  const incoming = duplex.incoming[Symbol.asyncIterator]();
  return new NodeDuplex({
    read() {
      incoming.next().then(
        ({ done, value }) => this.push(done ? null : value),
        (error: Error) => this.destroy(error),
      );
    },
    write: (bytes, _encoding, done) => void duplex.write(bytes).then(() => done(), done),
    final: (done) => {
      duplex.end();
      done();
    },
    destroy: (error, done) => {
      duplex.end();
      void incoming.return?.();
      done(error);
    },
  });
}

function pathOf({ path, query }: ApiRequest): string {
  return query.length > 0 ? `${path}?${new URLSearchParams(query.map(([name, value]) => [name, value]))}` : path;
}

function answerOf(incoming: IncomingMessage, method: string): ApiResponse {
  const status = incoming.statusCode ?? 0;
  const mediaType = incoming.headers['content-type'] ?? '';
  if (method === 'HEAD') incoming.resume();
  return { status, headers: headersOf(incoming), mediaType, stream: chunksOf(incoming) };
}

async function* chunksOf(incoming: IncomingMessage): AsyncGenerator<Uint8Array> {
  for await (const chunk of incoming) yield chunk as Uint8Array;
}

function upgradeOf(incoming: IncomingMessage, socket: Socket, head: Uint8Array): ApiResponse {
  socket.on('error', () => {});
  // A way that was dialled has no such thing.
  socket.setNoDelay?.(true);
  const far = duplexOf(socket, head);
  return {
    status: 101,
    headers: headersOf(incoming),
    upgrade: incoming.headers.upgrade ?? '',
    serve: async (near) => {
      const out = async () => {
        for await (const bytes of near.incoming) await far.write(bytes);
        far.end();
      };
      const back = async () => {
        for await (const bytes of far.incoming) await near.write(bytes);
        near.end();
      };
      try {
        await Promise.all([out(), back()]);
      } finally {
        socket.destroy();
      }
    },
  };
}

/** Those that belong to the one connection stay behind. */
function headersOf({ rawHeaders }: IncomingMessage): Record<string, string> {
  const plain: Record<string, string> = {};
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] as string).toLowerCase();
    const value = rawHeaders[at + 1] as string;
    if (/^(connection|keep-alive|transfer-encoding|proxy-.*|te|trailer|upgrade)$/.test(name)) continue;
    plain[name] = plain[name] === undefined ? value : `${plain[name]}\n${value}`;
  }
  return plain;
}
