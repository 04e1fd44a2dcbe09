import { ApiError } from '../api/error.ts';
import {
  type ApiRequest,
  type ApiResponse,
  jsonType,
  type Payload,
  type Transport,
  type WatchEvent,
  type Watching,
} from '../api/wire.ts';
import { type Clock, type Millis, type Random, sleep } from '../base/env.ts';
import { decodeText, deepFreeze, encodeText, type Json } from '../base/json.ts';
import { StopSource } from '../base/stop.ts';

export interface NetOptions {
  readonly delayMinMs: Millis;
  readonly delayMaxMs: Millis;
  /** How many messages are lost, each way, 0..1. A lost answer leaves the write done. */
  readonly lossRatio: number;
  /** How many batches of a watch end it instead, 0..1. */
  readonly cutRatio: number;
  /** How long a client waits before it takes a message for lost. */
  readonly timeoutMs: Millis;
  /** True: every body crosses as JSON bytes. False: objects are handed over as they are, frozen. */
  readonly encoded: boolean;
}

export const calmNet: NetOptions = {
  delayMinMs: 1,
  delayMaxMs: 2,
  lossRatio: 0,
  cutRatio: 0,
  timeoutMs: 1_000,
  encoded: false,
};

/** Sees every event that the server pushes into a watch, before the network does anything to it. */
export type WatchTap = (request: ApiRequest) => ((event: WatchEvent) => void) | undefined;

interface Link {
  readonly host: string;
  readonly random: Random;
  /** Ends with the process that holds it: what a dead process asked for is answered to nobody. */
  readonly stop: StopSource;
  readonly watches: Set<(error: ApiError) => void>;
}

const lost = (what: string): ApiError => new ApiError('ServiceUnavailable', what);

/** A slow, lossy, cuttable network between hosts and one server. A link has the type of a real transport. */
export class SimNet {
  options: NetOptions;
  /** Without it the server is down, and connections are refused. */
  server: Transport | undefined;
  tap: WatchTap = () => undefined;
  requests = 0;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #links = new Map<string, Link>();
  readonly #cut = new Set<string>();
  readonly #held = new Map<string, (() => void)[]>();
  readonly #answersToLose = new Map<string, number>();

  constructor(clock: Clock, random: Random, options: NetOptions) {
    this.#clock = clock;
    this.#random = random;
    this.options = options;
  }

  /** A new link of a process on this host; the one before it is dead. */
  link(host: string): Transport {
    this.unplug(host);
    const random = this.#random.fork(`${host}/${this.#clock.monotonic()}`);
    const link: Link = { host, random, stop: new StopSource(), watches: new Set() };
    this.#links.set(host, link);
    return (request) => this.#carry(link, request);
  }

  /** The process of the host died: nothing reaches it and nothing comes from it any more. */
  unplug(host: string): void {
    this.#links.get(host)?.stop.stop();
    this.#links.delete(host);
  }

  /** Nothing passes in either direction, and open watches break. */
  cut(host: string): void {
    this.#cut.add(host);
    this.endWatches(host);
  }

  heal(host: string): void {
    this.#cut.delete(host);
  }

  /** Requests pass, watches stand still: whoever reads from a cache reads an old world. */
  holdWatches(host: string): void {
    if (!this.#held.has(host)) this.#held.set(host, []);
  }

  releaseWatches(host: string): void {
    const waiting = this.#held.get(host) ?? [];
    this.#held.delete(host);
    for (const deliver of waiting) deliver();
  }

  endWatches(host?: string): void {
    for (const link of this.#links.values()) {
      if (host !== undefined && link.host !== host) continue;
      for (const end of [...link.watches]) end(lost('the watch was cut'));
    }
  }

  /** The next so many writes of the host are done, and their answers lost. */
  loseAnswers(host: string, count: number): void {
    this.#answersToLose.set(host, count);
  }

  async #carry(link: Link, request: ApiRequest): Promise<ApiResponse> {
    this.requests++;
    if (link.stop.stopped) return forever();
    if (request.body && 'object' in request.body) deepFreeze(request.body.object);
    const sent = this.options.encoded ? encodedRequest(request) : request;
    await this.#hop(link);
    const server = this.server;
    if (!server) throw lost('connection refused');
    const watchStop = StopSource.under(request.stop);
    link.stop.onStop(() => watchStop.stop());
    const response = await server('watch' in queryOf(sent) ? { ...sent, stop: watchStop } : sent);
    const writes = sent.method !== 'GET';
    await this.#hop(link, server, writes && this.#losesAnswer(link.host));
    if ('watch' in response) {
      const watch = this.#carryWatch(link, { request: sent, from: response.watch, stop: watchStop });
      return { ...response, watch };
    }
    return this.options.encoded ? encodedResponse(response) : frozenResponse(response);
  }

  #losesAnswer(host: string): boolean {
    const left = this.#answersToLose.get(host) ?? 0;
    if (left > 0) this.#answersToLose.set(host, left - 1);
    return left > 0;
  }

  async #hop(link: Link, server?: Transport, loses = false): Promise<void> {
    await sleep(this.#clock, this.#delay(link));
    const isLost = link.random.float() < this.options.lossRatio;
    // A server that died meanwhile answers nobody.
    const isGone = server !== undefined && server !== this.server;
    if (loses || isLost || isGone || this.#cut.has(link.host)) {
      await sleep(this.#clock, this.options.timeoutMs);
      if (link.stop.stopped) return forever();
      throw lost('the network lost a message');
    }
    if (link.stop.stopped) return forever();
  }

  #delay(link: Link): Millis {
    const { delayMinMs, delayMaxMs } = this.options;
    return delayMinMs + link.random.float() * (delayMaxMs - delayMinMs);
  }

  /** Batches arrive late and in order; the end, too, comes after what was sent before it. */
  #carryWatch(
    link: Link,
    open: { readonly request: ApiRequest; readonly from: Watching; readonly stop: StopSource },
  ): Watching {
    let arrival = 0;
    let ended: { readonly error?: unknown } | undefined;
    let take: (batch: readonly WatchEvent[]) => 'more' | 'full' = () => 'more';
    let done: (error?: unknown) => void = () => {};
    const tapped = this.tap(open.request);
    const end = (error?: unknown): void => {
      if (ended) return;
      ended = { error };
      link.watches.delete(end);
      open.stop.stop();
      if (!link.stop.stopped) done(error);
    };
    link.watches.add(end);
    const deliver = (batch: readonly WatchEvent[]): void => {
      if (ended || link.stop.stopped) return;
      const held = this.#held.get(link.host);
      if (held) held.push(() => deliver(batch));
      else if (take(batch) === 'full') end();
    };
    const later = (run: () => void): void => {
      arrival = Math.max(arrival, this.#clock.monotonic() + this.#delay(link));
      this.#clock.after(arrival - this.#clock.monotonic(), run);
    };
    return {
      onBatch: (wanted) => {
        take = wanted;
        open.from.onBatch((batch) => {
          if (ended) return 'full';
          if (tapped) for (const event of batch) tapped(event);
          if (this.#cut.has(link.host) || link.random.float() < this.options.cutRatio) {
            later(() => end(lost('the watch was cut')));
            return 'full';
          }
          const events = this.options.encoded ? batch.map(encodedEvent) : batch.map(frozenEvent);
          later(() => deliver(events));
          return 'more';
        });
      },
      onEnd: (wanted) => {
        done = wanted;
        open.from.onEnd((error) => later(() => end(error)));
        if (ended) done(ended.error);
      },
    };
  }
}

const forever = (): Promise<never> => new Promise(() => {});
const queryOf = (request: ApiRequest): Readonly<Record<string, string>> => Object.fromEntries(request.query);

function encodedRequest(request: ApiRequest): ApiRequest {
  const { accept = jsonType } = request.headers;
  // What is asked for in another form than the object's own is told in that form by every server.
  const isForm = /;as=(Table|APIGroupDiscoveryList)/.test(accept);
  const encoded = { ...request, headers: { ...request.headers, accept: isForm ? accept : jsonType } };
  if (!request.body || !('object' in request.body)) return encoded;
  return { ...encoded, body: { bytes: encodeText(JSON.stringify(request.body.object)), mediaType: jsonType } };
}

function encodedResponse(response: ApiResponse): ApiResponse {
  if (!('body' in response)) return response;
  const bytes = 'object' in response.body ? encodeText(JSON.stringify(response.body.object)) : response.body.bytes;
  const body: Payload = { bytes, mediaType: jsonType };
  return { ...response, body };
}

function frozenResponse(response: ApiResponse): ApiResponse {
  if ('body' in response && 'object' in response.body) deepFreeze(response.body.object);
  return response;
}

function encodedEvent(event: WatchEvent): WatchEvent {
  const { type } = event;
  if (!event.encoded) return { type, object: JSON.parse(JSON.stringify(event.object)) };
  return JSON.parse(decodeText(event.encoded(jsonType))) as WatchEvent;
}

function frozenEvent(event: WatchEvent): WatchEvent {
  deepFreeze(event.object as unknown as Json);
  return event;
}
