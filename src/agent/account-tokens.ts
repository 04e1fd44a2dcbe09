import { isApiError } from '../api/error.ts';
import { pathOf } from '../api/kind.ts';
import type { Pod } from '../api/kinds/pod.ts';
import { serviceAccounts } from '../api/kinds/service-account.ts';
import type { Clock, Instant, Millis } from '../base/env.ts';
import { encodeText, type Json } from '../base/json.ts';
import { parseTime } from '../base/text.ts';
import { type Client, jsonOf } from '../client/client.ts';

/** How a volume asks for a token of the pod's account. */
export interface TokenSource {
  readonly path: string;
  readonly audience?: string;
  readonly expirationSeconds?: number;
}
interface Held {
  readonly bytes: Uint8Array;
  readonly from: Instant;
  readonly until: Instant;
}

const secondsByDefault = 3600;
/** A token is replaced when so much of its time is over, and once a day whatever its time is. */
const renewedAt = 0.8;
const renewedAfterMs: Millis = 24 * 3600 * 1000;
const tryAgainMs: Millis = 10_000;

export const tokenKey = ({ audience = '', expirationSeconds = secondsByDefault }: TokenSource): string =>
  `${expirationSeconds} ${audience}`;

/** The tokens in the volumes of one pod: asked for once, and again before they end. */
export class AccountTokens {
  readonly #clock: Clock;
  readonly #client: Client;
  readonly #held = new Map<string, Held>();
  /** After a refusal, so that nobody asks in a circle. */
  #notBefore = 0;

  constructor(clock: Clock, client: Client) {
    this.#clock = clock;
    this.#client = client;
  }

  /** By `tokenKey`. An old token goes on as long as it can where no new one is to be had. */
  async of(pod: Pod, sources: readonly TokenSource[]): Promise<ReadonlyMap<string, Uint8Array>> {
    for (const source of sources) {
      const key = tokenKey(source);
      const held = this.#held.get(key);
      const now = this.#clock.now();
      if (held && (now < renewal(held) || (now < this.#notBefore && now < held.until))) continue;
      try {
        this.#held.set(key, await this.#request(pod, source));
      } catch (error) {
        this.#notBefore = now + tryAgainMs;
        if (!held || now >= held.until) throw error;
      }
    }
    return new Map([...this.#held].map(([key, { bytes }]) => [key, bytes]));
  }

  /** How long until one has to be replaced; undefined where there is none. */
  get dueMs(): Millis | undefined {
    if (this.#held.size === 0) return undefined;
    const first = Math.min(...[...this.#held.values()].map(renewal));
    return Math.max(tryAgainMs, first - this.#clock.now());
  }

  /** Whether one has to be replaced now. */
  get isDue(): boolean {
    const now = this.#clock.now();
    return now >= this.#notBefore && [...this.#held.values()].some((held) => now >= renewal(held));
  }

  async #request(pod: Pod, { audience, expirationSeconds = secondsByDefault }: TokenSource): Promise<Held> {
    const { namespace = '', name, uid } = pod.metadata;
    const account = pod.spec.serviceAccountName || 'default';
    const object: Json = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: {},
      spec: {
        audiences: audience ? [audience] : [],
        expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      },
    };
    const path = pathOf(serviceAccounts, namespace, account, 'token');
    const from = this.#clock.now();
    const response = await this.#client.request({ method: 'POST', path, body: { object } });
    const { status } = (await jsonOf(response)) as {
      readonly status: { readonly token: string; readonly expirationTimestamp: string };
    };
    return { bytes: encodeText(status.token), from, until: parseTime(status.expirationTimestamp) };
  }
}

const renewal = ({ from, until }: Held): number => from + Math.min((until - from) * renewedAt, renewedAfterMs);

/** Whether the server will not give a token however often it is asked. */
export const isTokenRefused = (error: unknown): boolean => isApiError(error, 'NotFound', 'Forbidden', 'BadRequest');
