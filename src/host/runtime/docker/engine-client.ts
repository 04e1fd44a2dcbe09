import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { request as secure } from 'node:https';
import type { Duplex as Socket } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { Agent, request as plain } from '../../node-http.ts';
import type { EngineAddress } from './engine-address.ts';

/** What an engine answered that is not success. */
export class EngineError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'EngineError';
    this.status = status;
  }
}

export const isEngineError = (error: unknown, ...statuses: readonly number[]): boolean =>
  error instanceof EngineError && statuses.includes(error.status);

export type Method = 'GET' | 'POST' | 'DELETE' | 'PUT';
export interface Call {
  readonly query?: Readonly<Record<string, string | number | boolean | object | undefined>>;
  readonly body?: object;
  /** Sent as it is, instead of `body`. */
  readonly bytes?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Short calls share these connections; streams have one each. */
const connectionsMax = 16;

/** A container engine's HTTP interface, and nothing about containers. */
export class EngineClient {
  readonly address: EngineAddress;
  readonly #version: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: connectionsMax });

  /** The version is part of every path; without one the engine's newest is meant. */
  constructor(address: EngineAddress, version = '') {
    this.address = address;
    this.#version = version;
  }

  /** The decoded answer; undefined where there is none. */
  async json<T>(method: Method, path: string, call: Call = {}): Promise<T> {
    return decoded(await this.#open(method, path, { ...call, shared: true }));
  }

  /** An answer that comes when something has happened. It must not keep short calls from their connections. */
  async late<T>(method: Method, path: string, call: Call = {}): Promise<T> {
    return decoded(await this.#open(method, path, { ...call, shared: false }));
  }

  /** An answer that is read as it comes. Whoever asked ends it by destroying it. */
  stream(method: Method, path: string, call: Call = {}): Promise<IncomingMessage> {
    return this.#open(method, path, { ...call, shared: false });
  }

  /** Turns the connection into a two-way byte stream, as exec does. */
  hijack(path: string, body: object): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const headers = { connection: 'Upgrade', upgrade: 'tcp' };
      const request = this.#request('POST', path, { body, headers, shared: false });
      request.once('error', reject);
      request.once('response', (response) => {
        // An older engine, or a compatible one, switches without saying 101.
        if (response.statusCode === 200) return resolve(response.socket);
        failure(response).then(reject, reject);
      });
      request.once('upgrade', (_response, socket: Socket, head: Buffer) => {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
      });
      send(request, { body });
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #open(method: Method, path: string, call: Sent): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const request = this.#request(method, path, call);
      request.once('error', reject);
      request.once('response', (response) => {
        // A connection that breaks later is told to whoever reads the answer.
        request.off('error', reject);
        request.on('error', (error) => response.destroy(error));
        if ((response.statusCode ?? 0) < 400) resolve(response);
        else failure(response).then(reject, reject);
      });
      send(request, call);
    });
  }

  #request(method: Method, path: string, { query, body, bytes, headers, shared }: Sent): ClientRequest {
    const { address } = this;
    const type = body ? { 'content-type': 'application/json' } : bytes ? { 'content-type': 'application/x-tar' } : {};
    const options: RequestOptions = {
      method,
      path: `${this.#version ? `/v${this.#version}` : ''}${path}${queryText(query)}`,
      headers: { host: 'engine', ...type, ...headers },
    };
    if ('socketPath' in address)
      return plain({ ...options, socketPath: address.socketPath, agent: shared && this.#agent });
    const place = { ...options, host: address.host, port: address.port };
    return address.tls ? secure({ ...place, ...address.tls }) : plain({ ...place, agent: shared && this.#agent });
  }
}

async function decoded<T>(response: IncomingMessage): Promise<T> {
  const text = (await buffer(response)).toString('utf8');
  return (text.trim() === '' ? undefined : JSON.parse(text)) as T;
}

type Sent = Call & { readonly shared: boolean };

function send(request: ClientRequest, { body, bytes }: Call): void {
  request.end(body ? JSON.stringify(body) : bytes);
}

async function failure(response: IncomingMessage): Promise<EngineError> {
  const text = (await buffer(response)).toString('utf8');
  let message = text.trim();
  try {
    message = (JSON.parse(text) as { readonly message?: string }).message ?? message;
  } catch {
    // The text itself is the message.
  }
  return new EngineError(response.statusCode ?? 0, message || `the engine answered ${response.statusCode}`);
}

function queryText(query: Call['query'] = {}): string {
  const words = Object.entries(query).flatMap(([key, value]) => {
    if (value === undefined) return [];
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    return [`${encodeURIComponent(key)}=${encodeURIComponent(text)}`];
  });
  return words.length > 0 ? `?${words.join('&')}` : '';
}
