import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApiError, isApiError } from '../../api/error.ts';
import { jsonType, type Transport } from '../../api/wire.ts';
import { type Env, Stopped } from '../../base/env.ts';
import { createServer } from '../node-http.ts';
import { answerOfError, writeAnswer } from './answer.ts';
import { anonymous } from './caller.ts';
import { assertLocalOrigin, assertLoopback } from './loopback.ts';
import { pageCss, pageHtml } from './page.ts';
import { GoneStop, requestOf } from './request.ts';
import type { Address } from './server.ts';

export interface PageServerOptions {
  readonly listen: Address;
  /** Where the compiled modules are, such as file:///.../out/ */
  readonly modules: URL;
  /** The cluster, as whoever started the page may see it. */
  readonly transport: Transport;
}

export interface PageServer {
  readonly port: number;
  close(): Promise<void>;
}

// The folders that the page's modules come from.
const modulePath = /^\/modules\/((?:base|api|client|machinery|cli|dashboard)(?:\/[a-z0-9-]+)+\.js)$/;

// Whoever reaches this port sees with the rights of its owner: not what is secret, and nothing that acts by a GET.
const forbidden: ReadonlySet<string> = new Set(['secrets', 'proxy', 'exec', 'attach', 'portforward', '.', '..']);

const everyAnswer = {
  'Content-Security-Policy': "default-src 'self'; img-src data:; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

/** The dashboard, its modules, and a view of the API that only reads. Loopback only, because nobody is asked who he is. */
export async function servePage(env: Env, options: PageServerOptions): Promise<PageServer> {
  const { host, port } = options.listen;
  assertLoopback(host);
  const server = createServer((incoming, outgoing) => {
    answer(options, incoming, outgoing).catch((error) => {
      const expected = isApiError(error) || error instanceof Stopped;
      if (!expected) env.log.error('a request of the dashboard failed', { path: incoming.url, error: String(error) });
      if (outgoing.headersSent || outgoing.destroyed) return void outgoing.destroy();
      return writeAnswer(outgoing, askedOf(incoming), answerOfError(error));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new Error(`listen on ${host}:${port}`, { cause: error })));
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(options: PageServerOptions, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  for (const [name, value] of Object.entries(everyAnswer)) outgoing.setHeader(name, value);
  assertLocalOrigin(incoming);
  const { method } = incoming;
  if (method !== 'GET') throw new ApiError('MethodNotAllowed', `the dashboard only reads: ${method} is refused`);
  const request = requestOf(incoming, anonymous, new GoneStop(outgoing));
  const asked = askedOf(incoming);
  if (/^\/apis?(\/|$)/.test(request.path)) {
    assertReadable(request.path);
    // Nothing else of the browser's headers is the cluster's business.
    const headers = { accept: incoming.headers.accept ?? jsonType };
    return writeAnswer(outgoing, asked, await options.transport({ ...request, headers }));
  }
  const [bytes, mediaType] = await fileOf(options.modules, request.path);
  return writeAnswer(outgoing, asked, { status: 200, body: { bytes, mediaType } });
}

const askedOf = (incoming: IncomingMessage) => ({
  method: incoming.method ?? 'GET',
  headers: incoming.headers as Readonly<Record<string, string>>,
});

function assertReadable(path: string): void {
  for (const part of path.split('/')) {
    if (forbidden.has(decoded(part))) throw new ApiError('Forbidden', `the dashboard does not pass on ${path}`);
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new ApiError('BadRequest', `the path has a broken escape: ${part}`);
  }
}

async function fileOf(modules: URL, path: string): Promise<readonly [Uint8Array, string]> {
  if (path === '/') return [Buffer.from(pageHtml), 'text/html; charset=utf-8'];
  if (path === '/page.css') return [Buffer.from(pageCss), 'text/css; charset=utf-8'];
  const found = modulePath.exec(path)?.[1];
  const bytes = found === undefined ? undefined : await readFile(new URL(found, modules)).catch(() => undefined);
  if (!bytes) throw new ApiError('NotFound', `the dashboard has no ${path}`);
  return [bytes, 'text/javascript; charset=utf-8'];
}
