/**
 * The kernel's way to services: how long changes of the table take, for 10,000 endpoints of one service and of 1,000,
 * and requests per second of processor time (server and client) from one pod to another through a service beside those
 * without, in turns in one run, which others on the machine disturb least: `node bench/services.ts [SECONDS]`. Needs root on Linux, nft and wrk.
 */
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { hostEnv } from '../src/host/env.ts';
import { hasNftables, NftablesDataplane } from '../src/host/network/nftables/nftables.ts';
import type { Backend, Route } from '../src/network/dataplane.ts';

const run = promisify(execFile);
const rounds = 5;
const ticksPerSecond = 100;
const podRange = '10.244.0.0/16';
const vip = '10.96.0.5';
/** Pods: each a network namespace behind a pair of devices. */
const client = { ip: '10.244.1.2', gateway: '10.244.1.1', name: `mini-k8s-bench-${process.pid}-c` };
const server = { ip: '10.244.2.2', gateway: '10.244.2.1', name: `mini-k8s-bench-${process.pid}-s` };
const port = 8080;
const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n';

const [, program = '', what = '3', seconds = '3'] = process.argv;
if (what === 'serve') serve();
else if (what === 'inside') await main(Number(seconds));
else if (await hasNftables()) {
  // A network of one's own: nothing of the machine is in the way, or touched.
  spawnSync('unshare', ['--net', process.execPath, program, 'inside', what], { stdio: 'inherit' });
} else console.log('needs root on Linux, and the tool nft: nothing was measured');

async function main(seconds: number): Promise<void> {
  const plane = new NftablesDataplane({ env: hostEnv(), cluster: 'bench', podRange, bridged: true });
  try {
    await changes(plane);
    await throughput(plane, seconds);
  } finally {
    await plane.close();
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
  const { child, ended } = await runPods();
  await plane.replace([{ ...route(0, [{ ip: server.ip, port }]), vip }]);
  for (const [what, header] of [
    ['connections that stay', 'X-Bench: 1'],
    ['a connection for each request', 'Connection: close'],
  ] as const) {
    const measure = async (place: string) => {
      const words = ['-t1', '-c16', `-d${seconds}s`, '-H', header, `http://${place}/`];
      const before = serverSeconds(child);
      // What the client has used is what the shell says last.
      const { stdout } = await run('nsenter', [
        `--net=/run/netns/${client.name}`,
        'sh',
        '-c',
        'wrk "$@"; times',
        'sh',
        ...words,
      ]);
      const used =
        stdout
          .trim()
          .split('\n')
          .at(-1)
          ?.matchAll(/(\d+)m([\d.]+)s/g) ?? [];
      const own = [...used].reduce((sum, [, minutes, rest]) => sum + Number(minutes) * 60 + Number(rest), 0);
      return Number(/(\d+) requests in/.exec(stdout)?.[1]) / (own + serverSeconds(child) - before);
    };
    const ratios: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const direct = await measure(`${server.ip}:${port}`);
      const through = await measure(`${vip}:80`);
      ratios.push(through / direct);
      console.log(`${what}: ${through.toFixed(0)} through the service, ${direct.toFixed(0)} direct`);
    }
    console.log(`${what}: median ratio ${median(ratios).toFixed(2)}`);
  }
  ended();
}

function ip(words: string): void {
  execFileSync('ip', words.split(' '));
}

async function runPods(): Promise<{ readonly child: number; ended(): void }> {
  ip('link set lo up');
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
  for (const [index, pod] of [client, server].entries()) {
    ip(`netns add ${pod.name}`);
    ip(`link add veth${index} type veth peer name eth0 netns ${pod.name}`);
    ip(`address add ${pod.gateway}/24 dev veth${index}`);
    ip(`link set veth${index} up`);
    ip(`-n ${pod.name} address add ${pod.ip}/24 dev eth0`);
    ip(`-n ${pod.name} link set eth0 up`);
    ip(`-n ${pod.name} route add default via ${pod.gateway}`);
  }
  const words = [`--net=/run/netns/${server.name}`, process.execPath, program, 'serve'];
  const child = spawn('nsenter', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return {
    child: child.pid as number,
    ended: () => {
      child.kill();
      for (const { name } of [client, server]) ip(`netns delete ${name}`);
    },
  };
}

/** Processor time that the server has used, of all its threads: nsenter becomes it. */
function serverSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** A server that does next to nothing, so that the way to it counts. */
function serve(): void {
  const listener = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      if (bytes.includes('close')) socket.end(answer);
      else socket.write(answer);
    });
  });
  listener.listen(port, '0.0.0.0', () => console.log('listening'));
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
