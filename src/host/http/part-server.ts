import type { AddressInfo } from 'node:net';
import { createServer } from '../node-http.ts';
import { assertLoopback } from './loopback.ts';
import type { Address } from './server.ts';

const metricsType = 'text/plain; version=0.0.4; charset=utf-8';
const healthPaths = new Set(['/healthz', '/livez', '/readyz']);

/** What a part that serves no API shows of itself: how it is, and its figures. On loopback, to whoever asks. */
export async function servePart(listen: Address, metrics: () => string): Promise<{ readonly port: number }> {
  assertLoopback(listen.host);
  const server = createServer((request, response) => {
    // Asked twice a minute at most: a connection kept open would only hold up the end.
    response.shouldKeepAlive = false;
    const path = request.url?.split('?')[0] ?? '';
    const readable = request.method === 'GET' || request.method === 'HEAD';
    if (!readable) response.writeHead(405, { Allow: 'GET, HEAD' }).end('only GET and HEAD are answered here\n');
    else if (path === '/metrics') response.writeHead(200, { 'Content-Type': metricsType }).end(metrics());
    else if (healthPaths.has(path)) response.writeHead(200, { 'Content-Type': 'text/plain' }).end('ok');
    else
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('here are /metrics, /healthz, /livez, /readyz\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new Error(`listen on ${listen.host}:${listen.port}`, { cause: error })));
    server.listen(listen.port, listen.host, resolve);
  });
  // Nothing waits for it: it ends with the part.
  server.unref();
  return { port: (server.address() as AddressInfo).port };
}
