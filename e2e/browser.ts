import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

const startMs = 30_000;
const places = ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join('/usr/bin', name));

/** Where a browser is that can be driven, if there is one. */
export const browserPath = (): string | undefined => places.find((place) => existsSync(place));

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

/** One page of a headless browser, driven over the protocol of its developer tools. */
export class Page {
  /** What went wrong in the page: errors of the console, exceptions, requests that failed. */
  readonly troubles: string[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'mini-k8s-browser-'));
  readonly #waiting = new Map<number, (message: Message) => void>();
  #child: ChildProcess | undefined;
  #socket: WebSocket | undefined;
  #session = '';
  #last = 0;

  async open(program: string, url: string): Promise<void> {
    const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
    const own = ['--remote-debugging-port=0', `--user-data-dir=${this.#folder}`, 'about:blank'];
    const child = spawn(program, [...flags, ...own], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    const deadline = AbortSignal.timeout(startMs);
    let place = '';
    for await (const line of createInterface({ input: child.stderr as Readable, signal: deadline })) {
      place = /^DevTools listening on (ws:\S+)/.exec(line)?.[1] ?? '';
      if (place !== '') break;
    }
    if (place === '') throw new Error('the browser did not say where it is driven');
    child.stderr?.resume();
    this.#socket = new WebSocket(place);
    await once(this.#socket, 'open', { signal: deadline });
    this.#socket.onmessage = ({ data }) => this.#heard(JSON.parse(String(data)));
    const { targetId } = await this.#ask('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.#ask('Target.attachToTarget', { targetId, flatten: true });
    this.#session = String(sessionId);
    for (const domain of ['Runtime', 'Log', 'Page', 'Network']) await this.#ask(`${domain}.enable`);
    await this.load(url);
  }

  async load(url: string): Promise<void> {
    this.troubles.length = 0;
    await this.#ask('Page.navigate', { url });
  }

  /** The value of an expression in the page. */
  async value(expression: string): Promise<unknown> {
    const answer = await this.#ask('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if (answer.exceptionDetails) throw new Error(JSON.stringify(answer.exceptionDetails));
    return (answer.result as { readonly value?: unknown }).value;
  }

  /** As a window of this width would show it. */
  async resize(width: number, height = 800): Promise<void> {
    await this.#ask('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
  }

  async close(): Promise<void> {
    const child = this.#child;
    this.#socket?.close();
    if (child && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  #ask(method: string, params: object = {}): Promise<Readonly<Record<string, unknown>>> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) => {
        if (error) reject(new Error(`${method}: ${error.message}`));
        else resolve(result ?? {});
      });
      this.#socket?.send(
        JSON.stringify({ id, method, params, ...(this.#session ? { sessionId: this.#session } : {}) }),
      );
    });
  }

  #heard(message: Message): void {
    const { id, method, params = {} } = message;
    if (id !== undefined) {
      this.#waiting.get(id)?.(message);
      this.#waiting.delete(id);
    } else if (method === 'Runtime.exceptionThrown') this.troubles.push(`exception: ${JSON.stringify(params)}`);
    else if (method === 'Log.entryAdded') {
      const { level, text, url } = params.entry as { level: string; text: string; url?: string };
      // Another program of this machine has changed its addresses: a browser then asks everything anew.
      if (text.includes('ERR_NETWORK_CHANGED')) return;
      if (level === 'error' || level === 'warning') this.troubles.push(`${level}: ${text} ${url ?? ''}`);
    } else if (method === 'Runtime.consoleAPICalled' && (params.type === 'error' || params.type === 'warning')) {
      this.troubles.push(`console: ${JSON.stringify(params.args)}`);
    }
  }
}
