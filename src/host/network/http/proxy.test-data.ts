import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { HttpAction, HttpBackend, HttpPool, HttpTable } from '../../../network/http-table.ts';
import { hostEnv } from '../../env.ts';
import { HttpProxy, type HttpProxyOptions } from './http-proxy.ts';

export const cleanups: (() => unknown)[] = [];
export const clean = async (): Promise<void> => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
};

export const pool = (backends: readonly HttpBackend[], more: Partial<HttpPool> = {}): HttpPool => ({
  name: 'default/web:80',
  protocol: 'http1',
  backends,
  ...more,
});
export const forward = (to: HttpPool): HttpAction => ({ type: 'forward', choices: [{ weight: 1, pool: to }] });

export const tableOf = (action: HttpAction, tls = false): HttpTable => ({
  listeners: [
    {
      port: 1,
      tls,
      certificates: [],
      sites: [
        {
          host: '',
          star: 'many',
          hosts: [{ host: '', star: 'one', rules: [{ path: { type: 'Prefix', value: '/' }, action, source: 'test' }] }],
        },
      ],
    },
  ],
});

export async function proxyOf(
  table: HttpTable,
  more: Partial<HttpProxyOptions> = {},
): Promise<{ readonly proxy: HttpProxy; readonly port: number }> {
  const env = hostEnv({ log: { level: 'error' } });
  const proxy = new HttpProxy({ env, host: '127.0.0.1', places: () => [0], ...more });
  cleanups.push(() => proxy.close());
  const [bound] = await proxy.replace(table);
  if (!bound || !('at' in bound)) throw new Error('the proxy does not listen');
  return { proxy, port: bound.at };
}

/** A backend that answers with its name, what it was asked and the headers that it saw. */
export async function backend(
  name: string,
  listener?: RequestListener,
): Promise<HttpBackend & { readonly connections: () => number; end(): void }> {
  let connections = 0;
  const answer: RequestListener = (request, response) => {
    let body = '';
    request.on('data', (bytes) => (body += bytes));
    request.on('end', () => {
      const { method, url, headers } = request;
      response.end(JSON.stringify({ name, method, url, body, headers }));
    });
  };
  const server = createServer(listener ?? answer).listen(0, '127.0.0.1');
  server.on('connection', () => connections++);
  await once(server, 'listening');
  const end = () => {
    server.close();
    server.closeAllConnections();
  };
  cleanups.push(end);
  return { ip: '127.0.0.1', port: (server.address() as AddressInfo).port, connections: () => connections, end };
}

/** Sends the very bytes, and answers all that comes back until the connection ends. */
export async function raw(port: number, ...pieces: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  let text = '';
  for await (const bytes of socket) text += bytes;
  return text;
}
