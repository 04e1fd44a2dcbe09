import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../src/host/free-port.test-data.ts';

// The HTTP proxy of this package against nginx as a proxy with one worker, in one run, in turns. What is compared is
// requests per second of processor time: on a machine with few cores the load generator takes the rest of it.

const seconds = Number(process.argv[2] ?? 5);
const rounds = 3;
const connections = 64;
const sizes = [100, 3_000];
const ticksPerSecond = 100;

const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-bench-'));
const children: ChildProcess[] = [];
const run = promisify(execFile);

async function heard(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const socket = connect(port, '127.0.0.1');
    const ok = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (ok) return;
    await sleep(50);
  }
  throw new Error(`nobody listens at ${port}`);
}

async function nginx(name: string, http: string): Promise<number> {
  const file = join(folder, `${name}.conf`);
  const base = `daemon off; master_process off; pid ${folder}/${name}.pid; error_log ${folder}/${name}.log;`;
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${name}-${kind};`,
  );
  const common = `access_log off; keepalive_requests 100000000; ${paths.join(' ')}`;
  writeFileSync(file, `${base} worker_processes 1; events { worker_connections 4096; } http { ${common} ${http} }`);
  return started(spawn('nginx', ['-c', file], { stdio: 'inherit' }));
}

function started(child: ChildProcess): number {
  children.push(child);
  return child.pid ?? 0;
}

const cpuSeconds = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
};

interface Measured {
  readonly requests: number;
  readonly perSecond: number;
  readonly perCpuSecond: number;
  readonly p99Ms: number;
  readonly failed: number;
}

async function measured(port: number, pid: number, path: string): Promise<Measured> {
  const before = cpuSeconds(pid);
  const words = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', `http://127.0.0.1:${port}${path}`];
  const { stdout } = await run('wrk', words);
  const used = cpuSeconds(pid) - before;
  const number = (form: RegExp) => Number(form.exec(stdout)?.[1] ?? 0);
  const latency = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout);
  const unit = { us: 0.001, ms: 1, s: 1000 }[latency?.[2] ?? 'ms'] ?? 1;
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout);
  const broken = (sockets?.slice(1) ?? []).reduce((sum, text) => sum + Number(text), 0);
  const requests = number(/(\d+) requests in/);
  return {
    requests,
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    perCpuSecond: requests / used,
    p99Ms: Number(latency?.[1]) * unit,
    failed: broken + number(/Non-2xx or 3xx responses: (\d+)/),
  };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

async function compare(): Promise<void> {
  const [backend, theirs, ours] = [await freePort(), await freePort(), await freePort()];
  const bodies = sizes.map((size) => `location /${size} { return 200 "${'x'.repeat(size)}"; }`);
  await nginx('backend', `server { listen 127.0.0.1:${backend}; ${bodies.join(' ')} }`);
  const headers =
    'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Real-IP $remote_addr;';
  const proxied = `proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;`;
  const upstream = `upstream up { server 127.0.0.1:${backend}; keepalive 128; keepalive_requests 100000000; }`;
  const theirPid = await nginx(
    'proxy',
    `${upstream} server { listen 127.0.0.1:${theirs}; location / { ${proxied} ${headers} } }`,
  );
  const program = join(import.meta.dirname, 'http-proxy-under-test.ts');
  const ourPid = started(spawn(process.execPath, [program, String(ours), String(backend)], { stdio: 'ignore' }));
  await Promise.all([heard(backend), heard(theirs), heard(ours)]);
  for (const size of sizes) {
    const found = { nginx: [] as Measured[], ours: [] as Measured[] };
    // The first turn only warms up.
    for (let round = 0; round <= rounds; round++) {
      const them = await measured(theirs, theirPid, `/${size}`);
      const us = await measured(ours, ourPid, `/${size}`);
      if (round === 0) continue;
      found.nginx.push(them);
      found.ours.push(us);
    }
    for (const [name, list] of Object.entries(found)) {
      const of = (pick: (one: Measured) => number) => median(list.map(pick));
      const failed = list.reduce((sum, one) => sum + one.failed, 0);
      const rate = `${Math.round(of((one) => one.perSecond))}/s`;
      const core = `${Math.round(of((one) => one.perCpuSecond))} per second of one core`;
      console.log(
        `${size} B, ${name}: ${rate}, ${core}, p99 ${of((one) => one.p99Ms).toFixed(1)} ms, ${failed} failed`,
      );
    }
    const ratio = median(found.ours.map((us, index) => us.perCpuSecond / (found.nginx[index]?.perCpuSecond ?? 1)));
    console.log(`${size} B: ${ratio.toFixed(2)} x nginx per core (at least 0.5)`);
  }
}

try {
  await compare();
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
