/**
 * Queries per second of the DNS server over UDP, for the addresses of 1,000 Services, beside a bare node:dgram socket
 * that sends back what it gets, in the same run: `node bench/dns.ts [SECONDS]`. The client has a thread of its own.
 */
import { createSocket } from 'node:dgram';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { DnsServer } from '../src/host/network/dns-server.ts';
import { DnsForwarder } from '../src/network/dns-forwarder.ts';
import { DnsResponder } from '../src/network/dns-responder.ts';
import { dnsWorld, nobody, queryOf } from '../src/sim/dns-world.test-data.ts';

interface Load {
  readonly port: number;
  readonly milliseconds: number;
}
interface Measured {
  readonly answers: number;
  readonly lost: number;
}

const domain = 'cluster.local';
const names = 1_000;
const sockets = 8;
const underWay = 32;
const lostAfterMs = 1_000;

if (isMainThread) await main();
else parentPort?.postMessage(await drive(workerData as Load));

async function main(): Promise<void> {
  const seconds = Number(process.argv[2] ?? 3);
  const world = await dnsWorld(() => new Promise<void>((resolve) => setImmediate(resolve)));
  for (let index = 0; index < names; index++) {
    await world.service(`web-${index}`, {
      clusterIP: `10.96.${1 + (index >> 8)}.${index & 255}`,
      ports: [{ port: 80 }],
    });
  }
  await world.begin();
  const forwarder = new DnsForwarder(world.env, nobody);
  const responder = new DnsResponder(world.env, world.caches, { domain, forwarder });
  const own = new DnsServer(async () => responder, console.error);
  const { port } = await own.listen({ host: '127.0.0.1', port: 0 });
  const bare = createSocket({ type: 'udp4', lookup: (address, _options, done) => done(null, address, 4) });
  bare.on('message', (bytes, from) => bare.send(bytes, from.port, from.address, () => {}));
  await new Promise<void>((resolve) => bare.bind(0, '127.0.0.1', resolve));
  const ports = { own: port, bare: bare.address().port };
  for (const each of Object.values(ports)) await inWorker({ port: each, milliseconds: 500 });
  // In turns, so that a machine that slows down slows both.
  const rounds = 4;
  const sums = { own: 0, bare: 0 };
  const cpu = { own: 0, bare: 0 };
  let lost = 0;
  for (let round = 0; round < rounds; round++) {
    for (const name of ['own', 'bare'] as const) {
      const before = process.threadCpuUsage();
      const measured = await inWorker({ port: ports[name], milliseconds: (seconds * 1000) / rounds });
      const { user, system } = process.threadCpuUsage(before);
      cpu[name] += (user + system) / 1e6;
      sums[name] += measured.answers;
      if (name === 'own') lost += measured.lost;
    }
  }
  const queriesPerSecond = Math.round(sums.own / seconds);
  const ratio = Number((sums.own / sums.bare).toFixed(3));
  const bareNode = Math.round(sums.bare / seconds);
  // What a machine with other work to do cannot change: how many the thread answers in a second that it really runs.
  const perCpuSecond = { own: Math.round(sums.own / cpu.own), bare: Math.round(sums.bare / cpu.bare) };
  console.log(
    JSON.stringify({
      bench: 'dns',
      queriesPerSecond,
      bareNode,
      ratio,
      perCpuSecond,
      lost,
      inProcess: inProcess(responder),
    }),
  );
  bare.close();
  await own.close();
  world.end();
}

/** Answers per second with no socket between. */
function inProcess(responder: DnsResponder): number {
  const queries = queriesOf();
  let count = 0;
  const began = performance.now();
  while (performance.now() - began < 500) for (const query of queries) count += responder.respond(query, 'udp') ? 1 : 0;
  return Math.round((count * 1000) / (performance.now() - began));
}

function queriesOf(): readonly Uint8Array[] {
  return Array.from({ length: names }, (_, index) =>
    queryOf({ name: `web-${index}.default.svc.${domain}`, size: 1_232 }),
  );
}

function inWorker(load: Load): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: load });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

/** So many queries are under way at each socket; what is not answered in time is lost, and another takes its place. */
async function drive({ port, milliseconds }: Load): Promise<Measured> {
  const queries = queriesOf();
  let answers = 0;
  let lost = 0;
  let next = 0;
  const all = Array.from({ length: sockets }, () => {
    const socket = createSocket('udp4');
    let heardAt = performance.now();
    const ask = () => socket.send(queries[next++ % queries.length] as Uint8Array, () => {});
    socket.on('message', () => {
      answers++;
      heardAt = performance.now();
      ask();
    });
    socket.connect(port, '127.0.0.1', () => {
      for (let count = 0; count < underWay; count++) ask();
    });
    const timer = setInterval(() => {
      if (performance.now() - heardAt < lostAfterMs) return;
      lost += underWay;
      for (let count = 0; count < underWay; count++) ask();
    }, lostAfterMs);
    return { socket, timer };
  });
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  const measured = { answers, lost };
  for (const { socket, timer } of all) {
    clearInterval(timer);
    socket.removeAllListeners('message');
    socket.close();
  }
  return measured;
}
