/**
 * Requests per second of the HTTP server for an answer of cached bytes, beside a bare node:https server in the same
 * run: `node bench/http.ts [SECONDS]`. The client is lean and has a thread of its own, so that the server is measured.
 */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Instant } from '../src/base/env.ts';
import { hostEnv } from '../src/host/env.ts';
import { serveHttp } from '../src/host/http/server.ts';
import { createAuthority, issue } from '../src/host/x509/certificate.ts';

interface Load {
  readonly port: number;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly connections: number;
  readonly milliseconds: number;
}

if (isMainThread) await main();
else parentPort?.postMessage(await drive(workerData as Load));

async function main(): Promise<void> {
  const seconds = Number(process.argv[2] ?? 3);
  const now = Date.now() as Instant;
  const authority = createAuthority('bench', now);
  const names = ['127.0.0.1'];
  const pair = issue(authority, { subject: { name: 'server' }, use: ['server'], names, now });
  const user = issue(authority, { subject: { name: 'user' }, use: ['client'], now });
  const chunk = Buffer.from(JSON.stringify({ kind: 'ConfigMap', data: { text: 'x'.repeat(900) } }));
  const answer = { status: 200, chunks: [chunk], mediaType: 'application/json' };
  const own = await serveHttp(hostEnv(), async () => answer, {
    listen: { host: '127.0.0.1', port: 0 },
    pair,
    clientAuthority: authority.certificate,
  });
  const bare = createServer({ cert: pair.certificate, key: pair.key }, (_, outgoing) => {
    outgoing.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': chunk.length });
    outgoing.end(chunk);
  });
  await new Promise<void>((resolve) => bare.listen(0, '127.0.0.1', resolve));
  const load = { ca: authority.certificate, cert: user.certificate, key: user.key, connections: 32 };
  const measure = (port: number, milliseconds: number) => inWorker({ ...load, port, milliseconds });
  const ports = { bare: (bare.address() as AddressInfo).port, own: own.port };
  await measure(ports.bare, 500);
  await measure(ports.own, 500);
  // In turns, so that a machine that slows down slows both.
  const sums = { bare: 0, own: 0 };
  const rounds = 4;
  for (let round = 0; round < rounds; round++) {
    for (const name of ['bare', 'own'] as const) sums[name] += await measure(ports[name], (seconds * 1000) / rounds);
  }
  const rate = { bare: Math.round(sums.bare / seconds), own: Math.round(sums.own / seconds) };
  const ratio = Number((rate.own / rate.bare).toFixed(3));
  console.log(JSON.stringify({ bench: 'http-get', requestsPerSecond: rate.own, bareNode: rate.bare, ratio }));
  bare.close();
  bare.closeAllConnections();
  await own.close(0);
}

function inWorker(load: Load): Promise<number> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: load });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

/** How many answers come back. One request per connection is under way at a time. */
async function drive(load: Load): Promise<number> {
  let count = 0;
  const request = `GET /api/v1/namespaces/default/configmaps/a HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n\r\n`;
  const { ca, cert, key, port } = load;
  const open = () =>
    new Promise<TLSSocket>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, ca, cert, key, ALPNProtocols: ['http/1.1'] }, () =>
        resolve(socket),
      );
      socket.once('error', reject);
    });
  const sockets = await Promise.all(Array.from({ length: load.connections }, open));
  for (const socket of sockets) {
    let left = 0;
    socket.on('data', (bytes: Buffer) => {
      // Answers begin with their head in one piece: both servers write it so.
      if (left === 0) {
        const end = bytes.indexOf('\r\n\r\n') + 4;
        const length = /content-length: (\d+)/i.exec(bytes.toString('latin1', 0, end));
        left = end + Number(length?.[1]);
      }
      left -= bytes.length;
      if (left > 0) return;
      count++;
      socket.write(request);
    });
  }
  count = 0;
  for (const socket of sockets) socket.write(request);
  await new Promise((resolve) => setTimeout(resolve, load.milliseconds));
  const total = count;
  for (const socket of sockets) socket.destroy();
  return total;
}
