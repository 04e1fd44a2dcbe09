/**
 * The kernel's way to services: how long changes of the table take, for 10,000 endpoints of one service and of 1,000,
 * and requests per second of processor time (server and client) through a service beside those without, in turns in one
 * run, which others on the machine disturb least: `node bench/services.ts [SECONDS]`. Needs root on Linux, nft and wrk.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { promisify } from 'node:util';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { hostEnv } from '../src/host/env.ts';
import { hasNftables, NftablesDataplane } from '../src/host/network/nftables/nftables.ts';
import { addServiceAddresses, removeServiceAddresses } from '../src/host/network/service-addresses.ts';
import type { Backend, Route } from '../src/network/dataplane.ts';

const run = promisify(execFile);
const rounds = 5;
// Addresses for documentation: nobody's.
const range = '203.0.113.0/28';
const vip = '203.0.113.5';
const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n';

if (!isMainThread) serve();
else if (await hasNftables()) await main();
else console.log('needs root on Linux, and the tool nft: nothing was measured');

async function main(): Promise<void> {
  const plane = new NftablesDataplane({ env: hostEnv(), cluster: 'bench', podRange: '10.244.0.0/16', bridged: true });
  try {
    await changes(plane);
    await throughput(plane, Number(process.argv[2] ?? 3));
  } finally {
    await plane.close();
    await removeServiceAddresses(range, 'bench');
  }
}

async function changes(plane: NftablesDataplane): Promise<void> {
  await plane.replace([]);
  let one = route(0, pods(0, 10_000));
  await timed('a service of 10,000 endpoints appears', () => plane.replace([one]));
  await timed('one of them goes', () => plane.replace([(one = route(0, one.backends.slice(1)))]), rounds);
  for (const each of [1, 2, 10]) {
    await plane.replace([]);
    let many = Array.from({ length: 1_000 }, (_, index) => route(index, pods(index * each, each)));
    await timed(`1,000 services of ${each} endpoints appear`, () => plane.replace(many));
    const next = (turn: number) => many.map((now, index) => (index === turn ? route(index, []) : now));
    let turn = 0;
    await timed('the endpoints of one go', () => plane.replace((many = next(turn++))), rounds);
  }
}

async function throughput(plane: NftablesDataplane, seconds: number): Promise<void> {
  if (!(await addServiceAddresses(range, 'bench'))) return;
  const worker = new Worker(import.meta.filename);
  const [port] = (await once(worker, 'message')) as [number];
  await plane.replace([{ ...route(0, [{ ip: '127.0.0.1', port }]), vip }]);
  for (const [what, header] of [
    ['connections that stay', 'X-Bench: 1'],
    ['a connection for each request', 'Connection: close'],
  ] as const) {
    const measure = async (place: string) => {
      const words = ['-t1', '-c16', `-d${seconds}s`, '-H', header, `http://${place}/`];
      const before = process.cpuUsage();
      // What the client has used is what the shell says last.
      const { stdout } = await run('sh', ['-c', 'wrk "$@"; times', 'sh', ...words]);
      const { user, system } = process.cpuUsage(before);
      const used =
        stdout
          .trim()
          .split('\n')
          .at(-1)
          ?.matchAll(/(\d+)m([\d.]+)s/g) ?? [];
      const client = [...used].reduce((sum, [, minutes, rest]) => sum + Number(minutes) * 60 + Number(rest), 0);
      return Number(/(\d+) requests in/.exec(stdout)?.[1]) / (client + (user + system) / 1e6);
    };
    const ratios: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const direct = await measure(`127.0.0.1:${port}`);
      const through = await measure(`${vip}:80`);
      ratios.push(through / direct);
      console.log(`${what}: ${through.toFixed(0)} through the service, ${direct.toFixed(0)} direct`);
    }
    console.log(`${what}: median ratio ${median(ratios).toFixed(2)}`);
  }
  await worker.terminate();
}

/** A server that does next to nothing, so that the way to it counts. */
function serve(): void {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      if (bytes.includes('close')) socket.end(answer);
      else socket.write(answer);
    });
  });
  server.listen(0, '127.0.0.1', () => parentPort?.postMessage((server.address() as AddressInfo).port));
}

async function timed(what: string, change: () => Promise<void>, times = 1): Promise<void> {
  const taken: number[] = [];
  for (let time = 0; time < times; time++) {
    const began = performance.now();
    await change();
    taken.push(performance.now() - began);
  }
  console.log(`${what}: ${median(taken).toFixed(0)} ms`);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function route(index: number, backends: readonly Backend[]): Route {
  const named = { namespace: 'default', name: `web-${index}`, portName: 'http', scope: 'cluster' } as const;
  return { ...named, vip: `198.18.${index >> 8}.${index & 255}`, port: 80, protocol: 'TCP', backends };
}

function pods(first: number, count: number): readonly Backend[] {
  return Array.from({ length: count }, (_, index) => {
    const at = first + index;
    return { ip: `10.244.${at >> 8}.${at & 255}`, port: 8080 };
  });
}
