import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const programs = [
  { name: 'wrk', debian: 'wrk' },
  { name: 'h2load', debian: 'nghttp2-client' },
];

/** What is asked again and again. */
export interface Load {
  readonly path: string;
  /** A POST of the body that the clients were given, else a GET. */
  readonly creates: boolean;
  readonly connections: number;
  /** Over HTTP/2, with as many requests under way on each connection; without it over HTTP/1.1. */
  readonly streams?: number;
}
export interface Rate {
  readonly perSecond: number;
  readonly answered: number;
  /** Answered with something else than success. */
  readonly refused: number;
}

/** Programs that ask as fast as they are answered: a client in JavaScript would itself be the limit. */
export class LeanClients {
  readonly #folder = mkdtempSync(join(tmpdir(), 'mini-k8s-clients-'));
  readonly #script = join(this.#folder, 'create.lua');
  readonly #body = join(this.#folder, 'body.json');
  readonly #authorization: string;

  constructor(token: string, body: object) {
    const text = JSON.stringify(body);
    this.#authorization = `Authorization: Bearer ${token}`;
    writeFileSync(this.#body, text);
    writeFileSync(this.#script, `wrk.method = "POST"\nwrk.body = '${text}'\n`);
  }

  /** What to say where one of them is not there. */
  static async missing(): Promise<string | undefined> {
    for (const { name, debian } of programs) {
      const isThere = await run(name, ['--version']).then(
        () => true,
        // One of them answers its version with an exit code of 1.
        (error: { readonly code?: unknown }) => error.code !== 'ENOENT',
      );
      if (!isThere) return `${name} is not installed (Debian has it in the package ${debian})`;
    }
    return undefined;
  }

  rate(server: string, load: Load, seconds: number): Promise<Rate> {
    const headers = ['-H', this.#authorization, ...(load.creates ? ['-H', 'Content-Type: application/json'] : [])];
    return load.streams === undefined
      ? this.#byWrk(server, load, [...headers, `-d${seconds}s`])
      : this.#byH2load(server, load, [...headers, '-D', `${seconds}s`]);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #byWrk(server: string, { path, creates, connections }: Load, more: readonly string[]): Promise<Rate> {
    const post = creates ? ['-s', this.#script] : [];
    const { stdout } = await run('wrk', ['-t1', `-c${connections}`, ...post, ...more, `${server}${path}`]);
    const number = numberIn(stdout);
    const refused = number(/Non-2xx or 3xx responses: (\d+)/);
    return { perSecond: number(/Requests\/sec:\s+([\d.]+)/), answered: number(/(\d+) requests in/), refused };
  }

  async #byH2load(
    server: string,
    { path, creates, connections, streams }: Load,
    more: readonly string[],
  ): Promise<Rate> {
    const post = creates ? ['-d', this.#body] : [];
    const asked = ['-t1', `-c${connections}`, `-m${streams}`, ...post, ...more, `${server}${path}`];
    const { stdout } = await run('h2load', asked);
    const number = numberIn(stdout);
    const codes = /status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/.exec(stdout) ?? [];
    const [, answered = 0, ...others] = codes.map(Number);
    const refused = others.reduce((sum, count) => sum + count, 0);
    return { perSecond: number(/finished in [^,]+, ([\d.]+) req\/s/), answered, refused };
  }
}

const numberIn = (text: string) => (form: RegExp) => Number(form.exec(text)?.[1] ?? 0);
