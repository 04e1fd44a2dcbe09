import assert from 'node:assert/strict';
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../src/host/free-port.test-data.ts';

export const root = join(import.meta.dirname, '..');
/** Pods have addresses of their own only here. */
export const realAddresses = process.platform === 'linux' && process.getuid?.() === 0;
const source = join(root, 'src', 'main', 'mini-k8s.ts');
const readyDeadlineMs = 20_000;
const endDeadlineMs = 30_000;
const lookAgainMs = 20;
const logTailLines = 20;

export interface Finished {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end. Its failure is an answer, not an error. */
export function finished(
  file: string,
  words: readonly string[],
  input = '',
  { cwd = root, timeout = 60_000 }: { readonly cwd?: string; readonly timeout?: number } = {},
): Promise<Finished> {
  return new Promise((resolve) => {
    const options = { cwd, timeout, maxBuffer: 64 * 1024 * 1024 };
    const child = execFile(file, words, options, (error, out, err) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, out, err });
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** What a program said that is to succeed. */
export async function outputOf(words: readonly string[], finished: Promise<Finished>): Promise<string> {
  const { code, out, err } = await finished;
  assert.equal(code, 0, `${words.join(' ')}: ${out}${err}`);
  return out;
}

/** kubectl as the administrator of a cluster uses it: `does` is to succeed and answers what it said. */
export function kubectlOf(program: string, cluster: { readonly kubeconfig: string }, flags: readonly string[] = []) {
  const run = (words: readonly string[], input?: string) =>
    finished(program, ['--kubeconfig', cluster.kubeconfig, ...flags, ...words], input);
  const does = (words: readonly string[], input?: string) => outputOf(words, run(words, input));
  return { run, does };
}

export const miniK8s = (words: readonly string[], input?: string): Promise<Finished> =>
  finished(process.execPath, [source, ...words], input);

/** Asks until the answer is there; the error says what was missing. For what no event tells us. */
export async function until<T>(
  what: string,
  deadlineMs: number,
  ask: () => T | Promise<T>,
): Promise<Exclude<NonNullable<T>, false>> {
  let last: unknown;
  for (const end = performance.now() + deadlineMs; performance.now() < end; await sleep(lookAgainMs)) {
    try {
      last = await ask();
      if (last) return last as Exclude<NonNullable<T>, false>;
    } catch (error) {
      last = error;
    }
  }
  throw new Error(`within ${deadlineMs / 1000} s there was no ${what}; the last answer was ${String(last)}`);
}

/** A real cluster as a child process, with a data folder and address ranges of its own. */
export class TestCluster {
  readonly folder = mkdtempSync(join(tmpdir(), 'mini-k8s-e2e-'));
  readonly kubeconfig = join(this.folder, 'kubeconfig');
  readonly #network = freeNetwork();
  #child: ChildProcess | undefined;
  #log = '';
  url = '';

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** The range of its pods. */
  get podRange(): string {
    return `10.${this.#network}.0.0/16`;
  }

  /** An address of its Services. */
  serviceAddress(last: number): string {
    return `10.${this.#network + 1}.0.${last}`;
  }

  get log(): string {
    return this.#log;
  }

  /** Answers once the ready line was read. The same folder again after an end: the same cluster again. */
  async start(
    command: 'up' | 'server' = 'up',
    more: readonly string[] = [],
    /** Words that run the cluster in turn: another user, other mounts. */
    around: readonly string[] = [],
  ): Promise<void> {
    const flags = ['--data-dir', join(this.folder, 'data'), '--listen', '127.0.0.1:0', '--kubeconfig', this.kubeconfig];
    flags.push('--service-range', `10.${this.#network + 1}.0.0/16`);
    if (command === 'up') flags.push('--foreground', '--pod-range', this.podRange);
    if (command === 'up' && !more.includes('--runtime')) flags.push('--runtime', 'process');
    const [program = '', ...words] = [...around, process.execPath, source, command, ...flags, ...more];
    const child = spawn(program, words, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#log = '';
    child.stderr.on('data', (chunk) => (this.#log += chunk));
    const deadline = AbortSignal.timeout(readyDeadlineMs);
    const line = await Promise.race([
      once(createInterface({ input: child.stdout }), 'line', { signal: deadline }).then(([text]) => text as string),
      once(child, 'exit', { signal: deadline }).then(([code]) => {
        throw new Error(`mini-k8s ${command} ended with ${code} before it was ready:\n${this.#tail()}`);
      }),
    ]).catch((cause: unknown) => {
      throw new Error(`mini-k8s ${command} printed no ready line:\n${this.#tail()}`, { cause });
    });
    this.url = JSON.parse(line).server;
  }

  /** Ends the main process, and nothing else, by its id; answers its exit code. */
  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    this.#child = undefined;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const left = once(child, 'exit', { signal: AbortSignal.timeout(endDeadlineMs) }).catch((cause: unknown) => {
      throw new Error(`the cluster did not end within ${endDeadlineMs / 1000} s:\n${this.#tail()}`, { cause });
    });
    child.kill(signal);
    const [code] = await left;
    return code as number | null;
  }

  /** What a cluster that has ended must not leave behind; empty when all is well. */
  async remains(): Promise<readonly string[]> {
    const found = () => [
      ...processesWith(this.folder).map(({ pid, words }) => `process ${pid}: ${words}`),
      ...addressesOf(this.#network).map((address) => `address ${address} on lo`),
      ...addressesOf(this.#network + 1).map((address) => `address ${address}`),
    ];
    // A process that has answered its parent may need a moment to be gone.
    return await until('end of what was left', 5_000, () => found().length === 0).then(
      () => [],
      () => found(),
    );
  }

  /** Ends what still runs, whatever the test found. */
  async clear(): Promise<void> {
    await this.end().catch(() => this.end('SIGKILL'));
    for (const { pid } of processesWith(this.folder)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  #tail(): string {
    return this.#log.trimEnd().split('\n').slice(-logTailLines).join('\n');
  }
}

/** One part of a cluster as a process of its own. */
export class Part {
  readonly #child: ChildProcess;
  readonly #line: Promise<string>;

  constructor(words: readonly string[], around: readonly string[] = []) {
    const [program = '', ...rest] = [...around, process.execPath, source, ...words];
    this.#child = spawn(program, rest, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] });
    const signal = AbortSignal.timeout(readyDeadlineMs);
    this.#line = once(createInterface({ input: this.#child.stdout as Readable }), 'line', { signal }).then(
      ([text]) => text as string,
    );
  }

  async ready(): Promise<{ readonly metrics: string }> {
    return JSON.parse(await this.#line);
  }

  async end(): Promise<number | null> {
    const left = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    return (await left)[0];
  }
}

export interface Seen {
  readonly pid: number;
  readonly words: string;
}

/** Processes in whose words or environment a text stands. Only Linux shows the latter. */
export function processesWith(text: string): readonly Seen[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) return [];
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
      // A zombie has no words: it is dead, its parent only has not looked yet.
      return words !== '' && (words.includes(text) || environment.includes(text)) ? [{ pid, words }] : [];
    } catch {
      return [];
    }
  });
}

/** The program in a pod, without the shim around it. */
export function programOf(pod: string, word = 'server.mjs'): readonly number[] {
  return processesWith(`HOSTNAME=${pod}`)
    .filter(({ words }) => words.includes(word))
    .map(({ pid }) => pid);
}

/** In the range that upstream keeps for them. */
export async function freeNodePort(): Promise<number> {
  return until('free node port', 5_000, async () => {
    const inRange = 30_000 + ((await freePort()) % 2_768);
    const server = createServer().listen(inRange, '127.0.0.1');
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return inRange;
  });
}

/** The second number of two ranges 10.N/16 and 10.N+1/16 that nobody on this machine uses. */
function freeNetwork(): number {
  const first = 130;
  const choices = 60;
  const offset = Math.floor(Math.random() * choices);
  for (let step = 0; step < choices; step++) {
    const network = first + 2 * ((offset + step) % choices);
    if (addressesOf(network).length === 0 && addressesOf(network + 1).length === 0) return network;
  }
  throw new Error('every test range of addresses is in use: look at `ip address show lo`');
}

function addressesOf(network: number): readonly string[] {
  const known = Object.values(networkInterfaces()).flatMap((list) => list?.map(({ address }) => address) ?? []);
  if (realAddresses) {
    const routes = execFileSync('ip', ['route', 'show', 'table', 'local'], { encoding: 'utf8' });
    known.push(...[...routes.matchAll(/^local (\S+)/gm)].map(([, range]) => range ?? ''));
  }
  return known.filter((address) => address.startsWith(`10.${network}.`));
}
