/**
 * What Node's own servers make of the same requests in the process of the benchmark: nothing that is a server in
 * JavaScript can be quicker. `http1` and `http2` answer the same bytes to whatever they are sent. `durable` keeps what
 * it is sent besides, with the least that can be done for it: JSON is read, and SQLite commits once in each turn of the
 * event loop what came in it (a log that is written ahead, synced before anybody is answered). Nothing is judged,
 * defaulted, watched or listed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import { createServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Instant } from '../src/base/env.ts';
import { createAuthority, issue } from '../src/host/x509/certificate.ts';

export interface BareServer {
  readonly url: string;
  close(): void;
}

export const bareServers = async (answered: object) => {
  const bytes = Buffer.from(JSON.stringify(answered));
  const headers = { 'Content-Type': 'application/json', 'Content-Length': bytes.length };
  const secrets = freshSecrets();
  return {
    http1: await listening(createServer(secrets, bareAnswer(bytes, headers))),
    http2: await listening(withStreams(createSecureServer(secrets), bytes, headers)),
    durable: await durable(secrets),
  };
};

const bareAnswer =
  (bytes: Buffer, headers: Record<string, string | number>): RequestListener =>
  (incoming, outgoing) => {
    incoming.resume().on('end', () => outgoing.writeHead(200, headers).end(bytes));
  };

function withStreams(
  server: ReturnType<typeof createSecureServer>,
  bytes: Buffer,
  headers: Record<string, string | number>,
) {
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.resume().on('end', () => {
      stream.respond({ ':status': 200, ...headers });
      stream.end(bytes);
    });
  });
  return server;
}

async function durable(secrets: ReturnType<typeof freshSecrets>): Promise<BareServer> {
  const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-bare-'));
  const database = new DatabaseSync(join(folder, 'bare.sqlite'));
  database.exec('PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL');
  database.exec('CREATE TABLE log (revision INTEGER PRIMARY KEY, value TEXT NOT NULL)');
  const insert = database.prepare('INSERT INTO log (value) VALUES (?)');
  let waiting: { readonly text: string; readonly outgoing: ServerResponse }[] = [];
  const commit = () => {
    const taken = waiting;
    waiting = [];
    database.exec('BEGIN');
    for (const { text } of taken) insert.run(text);
    database.exec('COMMIT');
    for (const { text, outgoing } of taken)
      outgoing
        .writeHead(201, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) })
        .end(text);
  };
  const server = createServer(secrets, (incoming: IncomingMessage, outgoing) => {
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    incoming.on('end', () => {
      const text = JSON.stringify(JSON.parse(Buffer.concat(parts).toString()));
      if (waiting.push({ text, outgoing }) === 1) setImmediate(commit);
    });
  });
  const { url, close } = await listening(server);
  return {
    url,
    close: () => {
      close();
      database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function listening(server: Server & { closeAllConnections?(): void }): Promise<BareServer> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    close: () => {
      server.closeAllConnections?.();
      server.close();
    },
  };
}

function freshSecrets() {
  const now = Date.now() as Instant;
  const { certificate, key } = issue(createAuthority('bench', now), {
    subject: { name: 'x' },
    use: ['server'],
    names: ['127.0.0.1'],
    now,
  });
  return { cert: certificate, key };
}
