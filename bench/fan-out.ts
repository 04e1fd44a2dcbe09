/**
 * How many events a second many watchers of the same are told, and how late. Most watchers are connections of wrk,
 * which do nothing but take what comes: watchers in JavaScript would need more of the machine than the server does. A
 * few in JavaScript, opened before and after those, measure how late events are, and tell when the last one is there.
 */
import { fork, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { type Measured, type ServerUser, tokenOf } from './measured-server.ts';

export const watchersCount = 500;
export const watchedWrites = 400;
const sampledCount = 20;
const openDeadlineMs = 20_000;
const wrkSeconds = 120;
const watchedMaps = '/api/v1/namespaces/kube-public/configmaps';
const megabyte = 1024 * 1024;

export interface FanOut {
  readonly eventsPerSecond: number;
  readonly lagMsP50: number;
  readonly lagMsP99: number;
  readonly microsecondsPerEvent: number;
  /** What wrk took of what it was due, when the last of the others had everything. */
  readonly taken: number;
}

interface Sampled {
  readonly url: string;
  readonly path: string;
  readonly count: number;
}
interface Seen {
  readonly what: 'open' | 'done';
  readonly lags: readonly number[];
  readonly bytes: number;
}

if (process.send) sampled();

export async function fanOut(
  server: Measured,
  user: ServerUser,
  { writers, round }: { readonly writers: number; readonly round: number },
): Promise<FanOut> {
  const { body } = await user.send('GET', `${watchedMaps}?limit=1`);
  // From now on: what was there before would count as late.
  const { resourceVersion } = JSON.parse(body.toString()).metadata;
  const path = `${watchedMaps}?watch=1&resourceVersion=${resourceVersion}&fieldSelector=metadata.name%21%3Dnone`;
  const child = fork(import.meta.filename, [], { stdio: 'inherit' });
  const told = (what: Seen['what']) =>
    new Promise<Seen>((resolve) => child.on('message', (seen: Seen) => void (seen.what === what && resolve(seen))));
  const done = told('done');
  const open = async () => {
    const opened = told('open');
    child.send({ url: server.url.href, path, count: sampledCount / 2 } satisfies Sampled);
    await opened;
  };
  const count = watchersCount - sampledCount;
  await open();
  const before = await openWatches(user);
  const takers = manyWatchers(server, path, count);
  for (const end = performance.now() + openDeadlineMs; (await openWatches(user)) < before + count; await sleep(100))
    if (performance.now() > end) throw new Error(`${count} watchers were not open in ${openDeadlineMs} ms`);
  await open();
  await sleep(1_000);
  const worked = server.processorMicroseconds();
  const begun = performance.now();
  await user.sendAll(watchedWrites, writers, (n) => {
    const metadata = { name: `seen-${writers}-${round}-${n}`, annotations: { at: String(Date.now()) } };
    const data = { k: 'v'.repeat(100) };
    return user.send('POST', watchedMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
  });
  const { lags, bytes } = await done;
  const tookMs = performance.now() - begun;
  const microseconds = server.processorMicroseconds() - worked;
  const taken = (await takers.end()) / (bytes * count);
  child.kill();
  const events = watchersCount * watchedWrites;
  return {
    eventsPerSecond: Math.round((events / tookMs) * 1_000),
    lagMsP50: part(lags, 0.5),
    lagMsP99: part(lags, 0.99),
    microsecondsPerEvent: Number((microseconds / events).toFixed(2)),
    taken: Number(taken.toFixed(2)),
  };
}

/** By a figure that ours has as upstream has it. */
async function openWatches(user: ServerUser): Promise<number> {
  const { body } = await user.send('GET', '/metrics');
  const lines = body.toString().matchAll(/^apiserver_longrunning_requests\{.*resource="configmaps".*\} (\d+)$/gm);
  return [...lines].reduce((sum, [, open]) => sum + Number(open), 0);
}

/** Told to end, wrk says how much it took. */
function manyWatchers(server: Measured, path: string, count: number) {
  const url = new URL(path, server.url).href;
  const words = ['-t1', `-c${count}`, `-d${wrkSeconds}s`, '-H', `Authorization: Bearer ${tokenOf('bench')}`, url];
  const wrk = spawn('wrk', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  wrk.stdout.on('data', (text) => (said += text));
  const ended = new Promise((resolve) => wrk.once('close', resolve));
  const units: Readonly<Record<string, number>> = { KB: 1024, MB: megabyte, GB: 1024 * megabyte };
  return {
    end: async () => {
      wrk.kill('SIGINT');
      await ended;
      const [, amount, unit = ''] = /([\d.]+)([KMG]B) read/.exec(said) ?? [];
      return Number(amount) * (units[unit] ?? Number.NaN);
    },
  };
}

/** In a process of its own: counts lines, and looks at the moment that stands in the last one of each piece. */
function sampled(): void {
  const lags: number[] = [];
  const tell = (what: Seen['what'], bytes: number) => process.send?.({ what, lags, bytes } satisfies Seen);
  let events = 0;
  let bytes = 0;
  process.on('message', ({ url, path, count }: Sampled) => {
    const { hostname, port } = new URL(url);
    const head = [`GET ${path} HTTP/1.1`, 'Host: bench', `Authorization: Bearer ${tokenOf('bench')}`, '', ''];
    let opened = 0;
    for (let n = 0; n < count; n++) {
      const where = { host: hostname, port: Number(port), rejectUnauthorized: false };
      const socket = connect(where, () => socket.write(head.join('\r\n')));
      let isOpen = false;
      socket.on('data', (piece: Buffer) => {
        if (!isOpen && ++opened === count) tell('open', 0);
        isOpen = true;
        const lines = linesIn(piece);
        if (lines === 0) return;
        events += lines;
        bytes += piece.length;
        const at = piece.lastIndexOf('"at":"');
        if (at >= 0 && at + 19 <= piece.length) {
          lags.push(Date.now() - Number(piece.toString('latin1', at + 6, at + 19)));
        }
        if (events < sampledCount * watchedWrites) return;
        lags.sort((a, b) => a - b);
        tell('done', bytes / sampledCount);
      });
    }
  });
}

function linesIn(bytes: Buffer): number {
  const end = '}}\n';
  let found = 0;
  for (let at = bytes.indexOf(end); at >= 0; at = bytes.indexOf(end, at + end.length)) found++;
  return found;
}

const part = (sorted: readonly number[], share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
