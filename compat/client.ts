import { Agent, request as httpsRequest } from 'node:https';

export interface Access {
  readonly server: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** A watch: what came within three seconds is the answer. */
  readonly stream?: boolean;
}
export interface Answered {
  /** 0 where there was no answer. */
  readonly code: number;
  readonly type: string;
  readonly warnings: readonly string[];
  readonly text: string;
}

const parallelMax = 16;
const streamMs = 3_000;
const answerMs = 30_000;
const triesMax = 5;

/** Speaks to the server under test as the administrator, or as nobody. */
export class CompatClient {
  readonly #url: URL;
  readonly #admin: Agent;
  readonly #nobody: Agent;

  constructor(access: Access) {
    const { ca, cert, key } = access;
    this.#url = new URL(access.server);
    this.#admin = new Agent({ keepAlive: true, maxSockets: parallelMax, ca, cert, key });
    this.#nobody = new Agent({ keepAlive: true, maxSockets: parallelMax, ca });
  }

  /** Asks again, a little later each time, where there was no answer or the server had no time. */
  async send(asked: Asked, as?: unknown): Promise<Answered> {
    for (let tries = 1; ; tries++) {
      const answer = await this.#once(asked, as === undefined ? this.#admin : this.#nobody);
      if (tries >= triesMax || (answer.code !== 0 && answer.code !== 429)) return answer;
      await pause(100 << tries);
    }
  }

  close(): void {
    this.#admin.destroy();
    this.#nobody.destroy();
  }

  #once({ method, path, headers, body, stream }: Asked, agent: Agent): Promise<Answered> {
    const about =
      body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = { 'user-agent': 'oracle', accept: 'application/json', ...about, ...headers };
    return new Promise((resolve) => {
      const { hostname, port } = this.#url;
      const broken = (text: string) => resolve({ code: 0, type: '', warnings: [], text });
      const request = httpsRequest({ hostname, port, method, path, agent, headers: sent }, (response) => {
        const chunks: Buffer[] = [];
        const finish = () => {
          clearTimeout(timer);
          resolve({
            code: response.statusCode ?? 0,
            type: response.headers['content-type'] ?? '',
            warnings: warningsOf(response.rawHeaders),
            text: Buffer.concat(chunks).toString('utf8'),
          });
        };
        const stop = () => {
          if (stream) finish();
          request.destroy();
        };
        const timer = setTimeout(stop, stream ? streamMs : answerMs);
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', finish);
        response.on('error', () => (stream ? finish() : broken('the connection broke')));
      });
      request.on('error', (error) => broken(error.message));
      request.end(body);
    });
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function warningsOf(raw: readonly string[]): readonly string[] {
  const found: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]?.toLowerCase() === 'warning') found.push((raw[i + 1] ?? '').replace(/^299 - "?|"$/g, ''));
  }
  return found;
}
