/**
 * The API server beside a bare node:https server on the same machine in the same run: `node bench/api.ts [SECONDS]`,
 * of the built files (`npm run build` makes them). With `--upstream KUBE_APISERVER,ETCD` beside those two programs as
 * well, which somebody must have: what is wanted are multiples of theirs, whatever the machine is worth at that hour.
 * The clients are wrk and, for HTTP/2, h2load. Durable creates: SQLite in a real folder.
 */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { type BareServer, bareServers } from './bare-servers.ts';
import { type FanOut, fanOut, watchedWrites, watchersCount } from './fan-out.ts';
import { LeanClients, type Load } from './lean-clients.ts';
import { type Measured, MeasuredServer, type ServerUser, samplePod, tokenOf } from './measured-server.ts';
import { type Programs, UpstreamServer } from './upstream-server.ts';

const run = promisify(execFile);
const { values, positionals } = parseArgs({ allowPositionals: true, options: { upstream: { type: 'string' } } });
const seconds = Number(positionals[0] ?? 3);
const programs = programsOf(values.upstream);
const rounds = 2;
const listRounds = 3;
const fanOutRounds = 3;
/** So long the code of each load runs before it is measured: it is compiled anew for about ten seconds. */
const warmSeconds = 12;
const settleMs = 5_000;
const podsCount = 10_000;
const maps = '/api/v1/namespaces/default/configmaps';
const podsPath = '/api/v1/namespaces/default/pods';
const map = (name: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data: { k: 'v'.repeat(100) },
});

/**
 * Whoever answers: `own` and `upstream` can be told to do everything, `bareNode` answers the same to all, and
 * `bareStore` keeps what it is sent and does nothing else: what a create cannot take less than on this machine.
 */
interface Contender {
  readonly name: 'bareNode' | 'bareStore' | 'own' | 'upstream';
  readonly url: string;
  processorMicroseconds(): number;
}
interface Server extends Contender {
  readonly name: 'own' | 'upstream';
  readonly measured: Measured;
  readonly user: ServerUser;
}

const missing = await LeanClients.missing();
if (missing) console.log(`nothing was measured: ${missing}`);
else await main();

function programsOf(text: string | undefined): Programs | undefined {
  if (text === undefined) return undefined;
  const [apiServer, etcd, ...more] = text.split(',');
  if (apiServer && etcd && more.length === 0) return { apiServer, etcd };
  throw new Error(`--upstream ${text} should be two paths with a comma between them: KUBE_APISERVER,ETCD`);
}

async function main(): Promise<void> {
  await withServers(async (servers) => {
    const clients = new LeanClients(tokenOf('bench'), { ...map(''), metadata: { generateName: 'made-' } });
    const bare = await bareServers(map('one'));
    try {
      for (const { user } of servers) await user.sendAll(1, 1, () => user.send('POST', maps, map('one')));
      const get = { path: `${maps}/one`, creates: false };
      const create = { path: maps, creates: true };
      // Nobody is measured while it still starts, or with code that has hardly run yet.
      await sleep(settleMs);
      const asked = [contender('bareNode', bare.http1), ...servers];
      for (const { url } of asked) await clients.rate(url, { ...get, connections: 64 }, warmSeconds);
      const sent = [...asked, contender('bareStore', bare.durable)];
      for (const { url } of sent) await clients.rate(url, { ...create, connections: 64 }, warmSeconds);
      await compared('get, 64 connections', asked, { clients, load: { ...get, connections: 64 } });
      await compared('get, one connection', asked, { clients, load: { ...get, connections: 1 } });
      await compared('durable create, 64 connections', sent, { clients, load: { ...create, connections: 64 } });
      await compared('durable create, one connection', sent, { clients, load: { ...create, connections: 1 } });
      const two = [contender('bareNode', bare.http2), ...servers];
      const streams = { connections: 4, streams: 16 };
      for (const load of [get, create])
        for (const { url } of two) await clients.rate(url, { ...load, ...streams }, warmSeconds / 2);
      await compared('get, HTTP/2, 4 connections of 16', two, { clients, load: { ...get, ...streams } });
      await compared('durable create, HTTP/2, 4 connections of 16', two, { clients, load: { ...create, ...streams } });
    } finally {
      for (const one of Object.values(bare)) one.close();
      clients.remove();
    }
    await fanOuts(4, servers);
    // Beside so many writers some of upstream's watchers were not told everything within minutes.
    await fanOuts(
      32,
      servers.filter(({ name }) => name === 'own'),
    );
  });
  // Others, that have seen nothing else.
  await withServers(async (servers) => {
    for (const { user } of servers)
      await user.sendAll(podsCount, 32, (n) => user.send('POST', podsPath, samplePod(`pod-${n}`)));
    const withPods = servers.map(({ measured }) => Math.round(measured.residentMegabytes()));
    await lists('list of 10,000 pods', servers, 'application/json');
    // As clients in Go ask for it.
    await lists('list of 10,000 pods in protobuf', servers, 'application/vnd.kubernetes.protobuf');
    const afterLists = servers.map(({ measured }) => Math.round(measured.residentMegabytes()));
    await sleep(4 * settleMs);
    for (const [index, { name, measured }] of servers.entries()) {
      const atRest = Math.round(measured.residentMegabytes());
      const megabytes = { withPods: withPods[index], afterLists: afterLists[index], atRest };
      report('memory', { of: name, readyMs: Math.round(measured.readyMs), ...megabytes });
    }
  });
}

function report(what: string, figures: object): void {
  console.log(JSON.stringify({ bench: 'api', what, ...figures }));
}

async function withServers(task: (servers: readonly Server[]) => Promise<void>): Promise<void> {
  const servers: Server[] = [];
  const add = (name: Server['name'], measured: Measured) => {
    const url = measured.url.href.replace(/\/$/, '');
    const processorMicroseconds = () => measured.processorMicroseconds();
    servers.push({ name, measured, user: measured.user('bench'), url, processorMicroseconds });
  };
  try {
    add('own', await MeasuredServer.start(['bench']));
    if (programs) add('upstream', await UpstreamServer.start(['bench'], programs));
    for (const { user } of servers)
      await user.send('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
    await task(servers);
  } finally {
    for (const { measured, user } of servers) {
      user.close();
      await measured.remove();
    }
  }
}

/**
 * In turns, so that a machine that slows down slows all. Processor time beside it, of each server alone: that is what
 * can be compared where others use the machine too.
 */
async function compared(
  what: string,
  contenders: readonly Contender[],
  { clients, load }: { readonly clients: LeanClients; readonly load: Load },
): Promise<void> {
  const sums = new Map(contenders.map(({ name }) => [name, { rate: 0, worked: 0, answered: 0, refused: 0 }]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, url, processorMicroseconds } of contenders) {
      const sum = sums.get(name);
      if (!sum) continue;
      const before = processorMicroseconds();
      const { perSecond, answered, refused } = await clients.rate(url, load, seconds);
      sum.worked += processorMicroseconds() - before;
      sum.answered += answered;
      sum.rate += perSecond / rounds;
      sum.refused += refused;
    }
  }
  const perSecond = (name: Contender['name']) => sums.get(name)?.rate ?? Number.NaN;
  const times = (name: Contender['name']) => Number((perSecond('own') / perSecond(name)).toFixed(2));
  const figures = [...sums].map(([name, { rate, worked, answered, refused }]) => {
    const microseconds = Number((worked / Math.max(1, answered)).toFixed(1));
    return [name, { perSecond: Math.round(rate), microseconds, ...(refused > 0 && { refused }) }] as const;
  });
  report(what, {
    ...Object.fromEntries(figures),
    timesBareNode: times('bareNode'),
    ...(sums.has('bareStore') && { timesBareStore: times('bareStore') }),
    ...(sums.has('upstream') && { timesUpstream: times('upstream') }),
  });
}

function contender(name: 'bareNode' | 'bareStore', { url }: BareServer): Contender {
  return { name, url, processorMicroseconds: ownMicroseconds };
}

function ownMicroseconds(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** In turns, and the one in the middle of all; the first of each is not counted, for its code has hardly run yet. */
async function fanOuts(writers: number, servers: readonly Server[]): Promise<void> {
  const seen = new Map(servers.map(({ name }) => [name, [] as FanOut[]]));
  for (let round = 0; round <= fanOutRounds; round++)
    for (const { name, measured, user } of servers) {
      const figures = await fanOut(measured, user, { writers, round });
      if (round > 0) seen.get(name)?.push(figures);
    }
  const what = `${watchersCount} watchers of ${watchedWrites} creates, ${writers} at a time`;
  for (const [name, all] of seen)
    report(what, { of: name, ...all.sort((a, b) => a.eventsPerSecond - b.eventsPerSecond)[all.length >> 1] });
}

/** At no particular revision: upstream has a shorter way for that. */
async function lists(what: string, servers: readonly Server[], accept: string): Promise<void> {
  const path = `${podsPath}?resourceVersion=0`;
  const first = new Map<string, { readonly firstMs: number; readonly megabytes: number }>();
  for (const { name, user } of servers) {
    const { tookMs, body, status } = await user.send('GET', path, undefined, { accept });
    if (status !== 200) throw new Error(`the list was answered ${status}`);
    first.set(name, { firstMs: Math.round(tookMs), megabytes: body.length / 1e6 });
  }
  const taken = new Map(servers.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < listRounds; round++)
    for (const { name, url } of servers) {
      const headers = ['-H', `Authorization: Bearer ${tokenOf('bench')}`, '-H', `Accept: ${accept}`];
      const asked = ['-t1', '-c1', `-d${seconds}s`, '--latency', ...headers];
      const { stdout } = await run('wrk', [...asked, `${url}${path}`]);
      const [, number = '', unit = ''] = /50%\s+([\d.]+)(ms|s)/.exec(stdout) ?? [];
      if (stdout.includes('Non-2xx')) throw new Error(`the list was refused: ${stdout}`);
      taken.get(name)?.push(Number(number) * (unit === 's' ? 1000 : 1));
    }
  for (const [name, times] of taken) {
    const ms = Math.round([...times].sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN);
    report(what, { of: name, ...first.get(name), ms });
  }
}
