/**
 * The API server beside a bare node:https server on the same machine in the same run: `node bench/api.ts [SECONDS]`,
 * of the built files (`npm run build` makes them). The client is wrk, because one in JavaScript would itself be the
 * limit. Durable creates: SQLite in a real folder.
 */
import { execFile, fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import type { Instant } from '../src/base/env.ts';
import { createAuthority, issue } from '../src/host/x509/certificate.ts';
import { MeasuredServer, type ServerUser, samplePod, tokenOf } from './measured-server.ts';

const run = promisify(execFile);
const seconds = Number(process.argv[2] ?? 3);
const maps = '/api/v1/namespaces/default/configmaps';
const podsPath = '/api/v1/namespaces/default/pods';
const podsCount = 10_000;
const watchersCount = 500;
const watchedWrites = 200;
const watchedMaps = '/api/v1/namespaces/kube-public/configmaps';
const map = (name: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data: { k: 'v'.repeat(100) },
});
const percent = (sorted: readonly number[], part: number) => sorted[Math.floor((sorted.length - 1) * part)] ?? 0;

if (process.send) process.on('message', (watched: Watched) => void watchAll(watched));
else if (await isMissing())
  console.log('wrk is not installed: nothing was measured (Debian has it as the package wrk)');
else await main();

async function isMissing(): Promise<boolean> {
  return run('wrk', ['--version']).then(
    () => false,
    // It answers its version with an exit code of 1.
    (error: { readonly code?: unknown }) => error.code === 'ENOENT',
  );
}

async function main(): Promise<void> {
  const scripts = mkdtempSync(join(tmpdir(), 'mini-k8s-wrk-'));
  const server = await MeasuredServer.start(['bench']);
  const bare = await bareServer();
  try {
    const user = server.user('bench');
    await user.send('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
    await user.sendAll(1, 1, () => user.send('POST', maps, map('one')));
    const get = join(scripts, 'get.lua');
    const create = join(scripts, 'create.lua');
    writeFileSync(get, `wrk.headers["Authorization"] = "Bearer ${tokenOf('bench')}"\n`);
    writeFileSync(create, createScript());
    await compared('get, 64 connections', { server, bare, path: `${maps}/one`, script: get, connections: 64 });
    await compared('get, one connection', { server, bare, path: `${maps}/one`, script: get, connections: 1 });
    await compared('durable create, 64 connections', { server, bare, path: maps, script: create, connections: 64 });
    await compared('durable create, one connection', { server, bare, path: maps, script: create, connections: 1 });
    await fanOut(server, user, 4);
    await fanOut(server, user, 32);
    user.close();
    await memory();
  } finally {
    bare.server.closeAllConnections();
    bare.server.close();
    await server.remove();
    rmSync(scripts, { recursive: true, force: true });
  }
}

function report(what: string, figures: object): void {
  console.log(JSON.stringify({ bench: 'api', what, ...figures }));
}

interface Comparison {
  readonly server: MeasuredServer;
  readonly bare: { readonly url: string };
  readonly path: string;
  readonly script: string;
  readonly connections: number;
}

/**
 * In turns, so that a machine that slows down slows both. Processor time beside it, of each server alone: that is what
 * can be compared where others use the machine too.
 */
async function compared(what: string, { server, bare, path, script, connections }: Comparison): Promise<void> {
  const rates = { own: 0, bare: 0 };
  const worked = { own: 0, bare: 0 };
  const answered = { own: 0, bare: 0 };
  // The bare server is in this very process.
  const spent = { own: () => server.processorMicroseconds(), bare: ownMicroseconds };
  let refused = 0;
  const rounds = 2;
  for (let round = 0; round < rounds; round++) {
    for (const name of ['bare', 'own'] as const) {
      const root = name === 'own' ? server.url.href.replace(/\/$/, '') : bare.url;
      const words = ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, `${root}${path}`];
      const before = spent[name]();
      const { stdout } = await run('wrk', words);
      worked[name] += spent[name]() - before;
      answered[name] += Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0);
      rates[name] += Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0) / rounds;
      if (name === 'own') refused += Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
    }
  }
  const { own, bare: ceiling } = rates;
  const ratio = Number((own / ceiling).toFixed(3));
  const each = (name: 'own' | 'bare') => Number((worked[name] / Math.max(1, answered[name])).toFixed(1));
  const microseconds = { own: each('own'), bareNode: each('bare') };
  report(what, { requestsPerSecond: Math.round(own), bareNode: Math.round(ceiling), ratio, refused, microseconds });
}

function ownMicroseconds(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function createScript(): string {
  return [
    'wrk.method = "POST"',
    `wrk.headers["Authorization"] = "Bearer ${tokenOf('bench')}"`,
    'wrk.headers["Content-Type"] = "application/json"',
    `wrk.body = '${JSON.stringify({ ...map(''), metadata: { generateName: 'made-' } })}'`,
    '',
  ].join('\n');
}

/** Answers each request with the same bytes, after reading what was sent. */
async function bareServer() {
  const now = Date.now() as Instant;
  const pair = issue(createAuthority('bench', now), {
    subject: { name: 'x' },
    use: ['server'],
    names: ['127.0.0.1'],
    now,
  });
  const bytes = Buffer.from(JSON.stringify(map('one')));
  const server = createServer({ cert: pair.certificate, key: pair.key }, (incoming, outgoing) => {
    incoming.resume().on('end', () => {
      outgoing.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': bytes.length });
      outgoing.end(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `https://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function lists(user: ServerUser): Promise<void> {
  const took: number[] = [];
  let bytes = 0;
  for (let round = 0; round < 7; round++) {
    const { tookMs, body, status } = await user.send('GET', podsPath);
    if (status !== 200) throw new Error(`the list was answered ${status}`);
    took.push(tookMs);
    bytes = body.length;
  }
  const [first = 0, ...more] = took;
  more.sort((a, b) => a - b);
  report('list of 10,000 pods', {
    firstMs: Math.round(first),
    ms: Math.round(percent(more, 0.5)),
    megabytes: bytes / 1e6,
  });
}

/**
 * Watchers are a process of their own, each with a connection, and do nothing but count lines; the lag is from the
 * moment of the write to the moment of the event.
 */
async function fanOut(server: MeasuredServer, user: ServerUser, writers: number): Promise<void> {
  const child = fork(import.meta.filename, [], { stdio: 'inherit' });
  const told = (what: string) =>
    new Promise<{ readonly lags: readonly number[] }>((resolve) => {
      child.on('message', (message: { readonly what: string; readonly lags: readonly number[] }) => {
        if (message.what === what) resolve(message);
      });
    });
  const open = told('open');
  const done = told('done');
  const { body } = await user.send('GET', `${watchedMaps}?limit=1`);
  // From now on: what was there before would count as late.
  const { resourceVersion } = JSON.parse(body.toString()).metadata;
  child.send({ url: server.url.href, since: resourceVersion } satisfies Watched);
  await open;
  const begun = performance.now();
  const worked = server.processorMicroseconds();
  await user.sendAll(watchedWrites, writers, (n) => {
    const metadata = { name: `seen-${writers}-${n}`, annotations: { at: String(Date.now()) } };
    return user.send('POST', watchedMaps, { ...map(''), metadata });
  });
  const { lags } = await done;
  const events = watchersCount * watchedWrites;
  report(`${watchersCount} watchers of ${watchedWrites} creates, ${writers} at a time`, {
    eventsPerSecond: Math.round((events / (performance.now() - begun)) * 1_000),
    lagMsP50: percent(lags, 0.5),
    lagMsP99: percent(lags, 0.99),
    microsecondsPerEvent: Number(((server.processorMicroseconds() - worked) / events).toFixed(2)),
  });
  child.kill();
}

interface Watched {
  readonly url: string;
  readonly since: string;
}

function watchAll({ url, since }: Watched): void {
  const { hostname, port } = new URL(url);
  const lags: number[] = [];
  let opened = 0;
  let events = 0;
  const query = `watch=1&resourceVersion=${since}&fieldSelector=metadata.name%21%3Dnone`;
  const head = [`GET ${watchedMaps}?${query} HTTP/1.1`];
  head.push('Host: bench', `Authorization: Bearer ${tokenOf('bench')}`, '', '');
  for (let n = 0; n < watchersCount; n++) {
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () =>
      socket.write(head.join('\r\n')),
    );
    let isOpen = false;
    socket.on('data', (bytes: Buffer) => {
      // Nothing is written until all are open.
      if (!isOpen && ++opened === watchersCount) setTimeout(begin, 1_000);
      isOpen = true;
      const lines = count(bytes, '}}\n');
      if (lines === 0) return;
      events += lines;
      const at = bytes.lastIndexOf('"at":"');
      if (at >= 0 && at + 19 <= bytes.length) lags.push(Date.now() - Number(bytes.toString('latin1', at + 6, at + 19)));
      if (events < watchersCount * watchedWrites) return;
      process.send?.({ what: 'done', lags: lags.sort((a, b) => a - b) });
    });
  }
  const begin = () => {
    events = lags.length = 0;
    process.send?.({ what: 'open', lags });
  };
}

function count(bytes: Buffer, text: string): number {
  let found = 0;
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + text.length)) found++;
  return found;
}

/** In a server of its own, that has seen nothing else. */
async function memory(): Promise<void> {
  const server = await MeasuredServer.start(['bench']);
  try {
    const user = server.user('bench');
    await user.send('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
    const readyMs = Math.round(server.readyMs);
    await user.sendAll(podsCount, 32, (n) => user.send('POST', podsPath, samplePod(`pod-${n}`)));
    const withPods = Math.round(server.residentMegabytes());
    await lists(user);
    report('memory', { readyMs, withPods, afterLists: Math.round(server.residentMegabytes()) });
    user.close();
  } finally {
    await server.remove();
  }
}
