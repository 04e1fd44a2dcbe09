import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

const program = join(import.meta.dirname, '..', 'bin', 'mini-k8s.cjs');
/** What /proc counts processor time in, on every Linux that Node runs on. */
export const ticksPerSecond = 100;
// Behind the name, which may hold spaces and parentheses: state is the third field of the line, utime the 14th.
const userTimeAfterName = 11;
const systemTimeAfterName = 12;

export interface Reply {
  readonly status: number;
  readonly body: Buffer;
  readonly tookMs: number;
}

/** A server that is measured: ours, or another one beside it. */
export interface Measured {
  readonly readyMs: number;
  readonly url: URL;
  user(name: string): ServerUser;
  /** Of its own processes alone, by Linux's own account. */
  residentMegabytes(): number;
  /** Processor time so far, user and system: whatever else runs on the machine does not count. Linux only. */
  processorMicroseconds(): number;
  remove(): Promise<void>;
}

/** An API server alone, of the built files (`npm run build`), in a process of its own. Every user is told by a token, and may do everything. */
export class MeasuredServer implements Measured {
  readonly readyMs: number;
  readonly url: URL;
  readonly folder: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, folder: string, ready: { readonly ms: number; readonly url: string }) {
    this.#child = child;
    this.folder = folder;
    this.readyMs = ready.ms;
    this.url = new URL(ready.url);
  }

  /** `loaded`: what Node itself is told, before the program. */
  static async start(
    users: readonly string[],
    more: readonly string[] = [],
    loaded: readonly string[] = [],
  ): Promise<MeasuredServer> {
    const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-bench-'));
    const tokens = join(folder, 'tokens.csv');
    writeFileSync(tokens, tokenFileOf(users));
    const where = ['--data-dir', join(folder, 'data'), '--kubeconfig', join(folder, 'kubeconfig')];
    const flags = [...where, '--listen', '127.0.0.1:0', '--token-auth-file', tokens, '--log-level', 'error', ...more];
    const begun = performance.now();
    const child = spawn(process.execPath, [...loaded, program, 'server', ...flags], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const line = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout as Readable }).once('line', resolve);
      child.once('exit', (code) => reject(new Error(`the server ended with ${code} before it was ready`)));
    });
    return new MeasuredServer(child, folder, { ms: performance.now() - begun, url: JSON.parse(line).server });
  }

  user(name: string): ServerUser {
    return new ServerUser(this.url, tokenOf(name));
  }

  residentMegabytes(): number {
    return residentMegabytesOf(this.#child);
  }

  processorMicroseconds(): number {
    return processorMicrosecondsOf(this.#child);
  }

  /** How long its main thread ran so far, not what it waited for a processor: by Linux's account, unknown elsewhere. */
  mainThreadMs(): number {
    if (process.platform !== 'linux') return Number.NaN;
    const { pid } = this.#child;
    const [ran] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ');
    return Number(ran) / 1e6;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async remove(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    await ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function residentMegabytesOf({ pid }: ChildProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024) / 1e6;
}

export function processorMicrosecondsOf({ pid }: ChildProcess): number {
  const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[userTimeAfterName]) + Number(fields[systemTimeAfterName])) / ticksPerSecond) * 1e6;
}

export const tokenFileOf = (users: readonly string[]): string =>
  users.map((name) => `${tokenOf(name)},${name},${name},"system:masters"`).join('\n');

export const tokenOf = (user: string): string => `token-of-${user}-of-the-benchmark`;

/** One user with connections of his own. */
export class ServerUser {
  readonly #url: URL;
  readonly #token: string;
  readonly #agent = new Agent({ keepAlive: true, rejectUnauthorized: false });

  constructor(url: URL, token: string) {
    this.#url = url;
    this.#token = token;
  }

  send(method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
    const isText = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
    const bytes = isText ? body : JSON.stringify(body);
    const begun = performance.now();
    return new Promise((resolve, reject) => {
      const type = bytes === undefined ? {} : { 'content-type': 'application/json' };
      const outgoing = request(
        {
          agent: this.#agent,
          host: this.#url.hostname,
          port: this.#url.port,
          method,
          path,
          headers: { authorization: `Bearer ${this.#token}`, ...type, ...headers },
        },
        (incoming) => {
          const parts: Buffer[] = [];
          incoming.on('data', (part) => parts.push(part));
          incoming.on('error', reject);
          incoming.on('end', () => {
            const tookMs = performance.now() - begun;
            resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(parts), tookMs });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(bytes);
    });
  }

  /** Reads an answer that does not end and throws it away, until this user is closed. */
  follow(path: string): void {
    const { hostname: host, port } = this.#url;
    const headers = { authorization: `Bearer ${this.#token}` };
    const outgoing = request({ agent: this.#agent, host, port, path, headers }, (incoming) => incoming.resume());
    outgoing.on('error', () => {});
    outgoing.end();
  }

  /** Many requests, so many at a time; throws at the first that is refused. */
  async sendAll(count: number, atOnce: number, send: (index: number) => Promise<Reply>): Promise<void> {
    let next = 0;
    const one = async () => {
      while (next < count) {
        const { status, body } = await send(next++);
        if (status >= 300) throw new Error(`${status}: ${body.toString().slice(0, 500)}`);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, one));
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** About 2.3 kB as JSON, as a real one is. */
export function samplePod(name: string): object {
  const variables = Array.from({ length: 12 }, (_, n) => ({
    name: `VARIABLE_${n}`,
    value: `the value of number ${n}`,
  }));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: `app-${name.at(-1)}`, tier: 'web' }, annotations: { note: 'x'.repeat(200) } },
    spec: {
      containers: [{ name: 'main', image: 'registry.example.com/team/web:1.2.3', env: variables }],
      automountServiceAccountToken: false,
    },
  };
}
