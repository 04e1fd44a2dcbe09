import type { Duplex } from 'node:stream';
import type { Cancel, Env, Millis } from '../../../base/env.ts';
import type { HttpQuestion } from '../../../network/http-match.ts';
import { normalPath } from '../../../network/http-path.ts';
import type { ForwardAction, HttpBackend, HttpFilters, HttpPool, HttpRule } from '../../../network/http-table.ts';
import type { BackendPlaces } from './backend-places.ts';
import { changedHeaders, changeHeaders, forwardedHeaders, redirectLocation, rewritten } from './forward-head.ts';
import { HeaderList } from './header-list.ts';
import { deadlines, limits } from './limits.ts';
import { Mirrors } from './mirrors.ts';
import type { Client, ClientEvents, ForwardedRequest, Length, Try, TryEvents } from './sides.ts';

/** What all exchanges of a proxy share. */
export interface ExchangeWorld {
  readonly env: Env;
  readonly places: BackendPlaces;
  find(question: HttpQuestion): HttpRule | undefined;
  /** An exchange that runs, so that its silence is noticed. */
  began(exchange: Exchange): void;
  ended(exchange: Exchange): void;
  /** Joins two connections that have left HTTP, until either ends. */
  join(client: { readonly socket: Duplex; readonly head: Buffer }, backend: { socket: Duplex; head: Buffer }): void;
}

// Asking twice does what asking once does (RFC 9110, 9.2.2).
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** One request, from its rule to the end of its answer. */
export class Exchange implements ClientEvents, TryEvents {
  readonly client: Client;
  readonly #world: ExchangeWorld;
  #rule: HttpRule | undefined;
  #pool: HttpPool | undefined;
  #action: ForwardAction | undefined;
  #choice: HttpFilters | undefined;
  #forwarded: ForwardedRequest | undefined;
  #order: readonly HttpBackend[] = [];
  #backend: HttpBackend | undefined;
  #tries = 0;
  #try: Try | undefined;
  #mirrors: Mirrors | undefined;
  /** What was sent so far, for another backend. */
  #replay: Buffer[] | undefined;
  #replayable = true;
  #requestBytes = 0;
  /** Something has moved since it was last looked. */
  #active = true;
  #requestEnded = false;
  #done = false;
  #cancel: Cancel | undefined;
  #tryCancel: Cancel | undefined;
  /** For the log. */
  status = 0;
  bytes = 0;
  /** When it was last seen that something moves. */
  #heard: Millis;
  readonly started: Millis;

  constructor(world: ExchangeWorld, client: Client, now: Millis) {
    this.#world = world;
    this.client = client;
    this.#heard = now;
    this.started = now;
  }

  get source(): string {
    return this.#rule?.source ?? '';
  }

  get backend(): string {
    return this.#backend ? `${this.#backend.ip}:${this.#backend.port}` : '';
  }

  begin(): void {
    const { request } = this.client;
    this.#world.began(this);
    if (typeof request.length === 'number' && request.length > limits.bodyBytesMax) return this.#tooLong();
    const mark = request.target.indexOf('?');
    const path = normalPath(mark < 0 ? request.target : request.target.slice(0, mark));
    if (path === undefined) return this.#answer(400, 'the path is not in a form that can be forwarded');
    const query = mark < 0 ? '' : request.target.slice(mark + 1);
    const host = nameOf(request.host);
    const { headers } = request;
    const rule = this.#world.find({ method: request.method, host, path, query, header: (name) => headers.get(name) });
    if (!rule) return this.#answer(404, `nothing is served at ${host || 'this address'}${path}`);
    this.#rule = rule;
    const { action } = rule;
    if (action.type === 'answer') return this.#answer(action.status, action.text);
    const prefix = rule.path.type === 'Prefix' ? rule.path.value : '';
    if (action.type === 'forward') return this.#forward(action, { path, query, prefix });
    const { secure, port } = request.asker;
    const headersOut = new HeaderList();
    headersOut.add('Location', redirectLocation(action, { host, port, secure, path, query }, prefix));
    changeHeaders(headersOut, action.responseHeaders);
    this.#answer(action.status, '', headersOut);
  }

  #forward(action: ForwardAction, { path, query, prefix }: { path: string; query: string; prefix: string }): void {
    const choice = this.#chosen(action);
    const { client } = this;
    if (!choice?.pool) return this.#answer(500, `the rule of ${this.source} leads to nothing that could answer`);
    const pool = choice.pool;
    this.#pool = pool;
    this.#order = this.#world.places.order(pool, client.request.asker.address);
    if (this.#order.length === 0) return this.#answer(503, `no backend of ${pool.name} is ready`);
    this.#action = action;
    this.#choice = choice;
    const { method, connection, asker, length, upgrade } = client.request;
    const asked = client.request.host;
    let headers = forwardedHeaders(client.request.headers, connection, asked, asker);
    if (action.requestHeaders ?? choice.requestHeaders) {
      headers = changedHeaders(headers, action.requestHeaders, choice.requestHeaders);
    }
    const host = action.rewrite?.hostname ?? asked;
    if (host !== asked) {
      headers = headers.copy();
      headers.set('host', host);
    }
    this.#forwarded = {
      method,
      target: rewritten(path, query, prefix, action.rewrite),
      host,
      headers,
      length,
      upgrade,
    };
    const { requestMs } = action;
    if (requestMs) this.#cancel = this.#world.env.clock.after(requestMs, () => this.#late(requestMs));
    if (action.mirrors) this.#mirrors = new Mirrors(this.#world, action.mirrors, this.#forwarded);
    this.#tryNext(false);
  }

  #chosen({ choices }: ForwardAction): ForwardAction['choices'][number] | undefined {
    if (choices.length === 1) return (choices[0]?.weight ?? 0) > 0 ? choices[0] : undefined;
    let drawn = this.#world.env.random.float() * choices.reduce((sum, { weight }) => sum + weight, 0);
    return choices.find(({ weight }) => weight > 0 && (drawn -= weight) < 0);
  }

  #tryNext(fresh: boolean): void {
    const backend = this.#order[this.#tries % this.#order.length] as HttpBackend;
    this.#tries++;
    this.#backend = backend;
    const protocol = this.#pool?.protocol ?? 'http1';
    const made = this.#world.places.ask({ backend, protocol, fresh }, this.#forwarded as ForwardedRequest, this);
    this.#try = made;
    const ms = this.#rule?.action.type === 'forward' ? this.#rule.action.backendMs : undefined;
    if (ms) this.#tryCancel = this.#world.env.clock.after(ms, () => this.#lateTry(ms));
    if (this.#replay) for (const payload of this.#replay) made.write(payload);
    if (this.#requestEnded) made.end();
  }

  requestBody(payload: Buffer): void {
    this.#mirrors?.write(payload);
    this.#active = true;
    this.#requestBytes += payload.length;
    if (this.#requestBytes > limits.bodyBytesMax) return this.#tooLong();
    if (this.#requestBytes > limits.replayBytesMax) {
      this.#replayable = false;
      this.#replay = undefined;
    } else {
      this.#replay ??= [];
      this.#replay.push(payload);
    }
    if (this.#try && !this.#try.write(payload)) this.client.flow(false);
  }

  requestEnd(): void {
    this.#requestEnded = true;
    this.#active = true;
    this.#mirrors?.end();
    this.#try?.end();
  }

  clientDrained(): void {
    this.#try?.flow(true);
  }

  clientGone(): void {
    if (this.#done) return;
    if (this.status === 0) this.status = 499;
    this.#try?.cancel();
    this.#finish();
  }

  answerHead(status: number, given: HeaderList, length: Length): void {
    this.#tryCancel?.();
    this.status = status;
    if (this.#pool?.affinityMs && this.#backend) {
      this.#world.places.met(this.#pool, this.client.request.asker.address, this.#backend);
    }
    this.#active = true;
    this.client.head(status, this.#answered(given), length);
  }

  #answered(headers: HeaderList): HeaderList {
    const [one, two] = [this.#action?.responseHeaders, this.#choice?.responseHeaders];
    return one || two ? changedHeaders(headers, one, two) : headers;
  }

  answerBody(payload: Buffer): void {
    this.#active = true;
    this.bytes += payload.length;
    this.client.write(payload);
  }

  answerEnd(trailers?: HeaderList): void {
    this.#try = undefined;
    this.client.end(trailers);
    this.#finish();
  }

  answerSettled(): void {
    if (this.#done) return;
    if (!this.client.settle()) this.#try?.flow(false);
  }

  backendDrained(): void {
    this.client.flow(true);
  }

  failed(error: Error, untouched: boolean): void {
    if (this.#done) return;
    this.#tryCancel?.();
    this.#try = undefined;
    if (this.status !== 0) {
      this.client.destroy();
      return this.#finish();
    }
    const pool = this.#pool as HttpPool;
    if (untouched && this.#backend) this.#world.places.avoid(this.#backend);
    const again = (untouched || idempotent.has(this.client.request.method)) && this.#replayable;
    if (again && this.#tries < limits.triesMax) {
      // The table may have changed since: who left it is not asked again.
      const current = this.#world.places.order(pool, this.client.request.asker.address);
      const others = current.filter((backend) => backend !== this.#backend);
      this.#order = others.length > 0 ? others : current;
      if (this.#order.length > 0) return this.#tryNext(true);
    }
    const late = error instanceof LateTry || /no connection within/.test(error.message);
    this.#answer(late ? 504 : 502, `no backend of ${pool.name} answered: ${error.message}`);
  }

  upgraded(headers: HeaderList, socket: Duplex, head: Buffer): void {
    this.#tryCancel?.();
    this.status = 101;
    this.client.head(101, this.#answered(headers), 0);
    const client = this.client.takeOver();
    this.#finish();
    if (client) this.#world.join(client, { socket, head });
    else socket.destroy();
  }

  /** Looked at now and then: silence is not waited out without end. */
  tick(now: Millis): void {
    if (this.#active) {
      this.#active = false;
      this.#heard = now;
    }
    const silent = now - this.#heard;
    if (this.status === 0 && this.#requestEnded && silent > deadlines.answerMs) this.#late(deadlines.answerMs);
    else if (silent > deadlines.silenceMs) this.#late(deadlines.silenceMs);
  }

  #tooLong(): void {
    this.#try?.cancel();
    this.#try = undefined;
    if (this.status === 0) return this.#answer(413, `the body is longer than ${limits.bodyBytesMax} bytes`);
    this.client.destroy();
    this.#finish();
  }

  #late(ms: Millis): void {
    if (this.#done) return;
    this.#try?.cancel();
    this.#try = undefined;
    if (this.status === 0)
      return this.#answer(504, `${this.#pool?.name ?? 'the backend'} did not answer within ${ms} ms`);
    this.client.destroy();
    this.#finish();
  }

  #lateTry(ms: Millis): void {
    if (this.#done || !this.#try) return;
    this.#try.cancel();
    this.failed(new LateTry(`nothing was heard within ${ms} ms`), false);
  }

  /** An answer of our own, in plain words. */
  #answer(status: number, text: string, headers = new HeaderList()): void {
    this.status = status;
    const body = Buffer.from(text === '' ? '' : `${text}\n`);
    if (text !== '') headers.add('Content-Type', 'text/plain; charset=utf-8');
    this.client.head(status, headers, body.length);
    if (body.length > 0 && this.client.request.method !== 'HEAD') this.client.write(body);
    this.bytes = body.length;
    this.client.end();
    this.#finish();
  }

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    this.#tryCancel?.();
    this.#cancel?.();
    this.#try = undefined;
    this.#replay = undefined;
    this.#world.ended(this);
  }
}

class LateTry extends Error {}

/** The name in a Host header: without a port, without a dot at its end. */
function nameOf(host: string): string {
  const bracket = host.startsWith('[') ? host.indexOf(']') + 1 : 0;
  const colon = host.indexOf(':', bracket);
  const name = (colon < 0 ? host : host.slice(0, colon)).toLowerCase();
  return name.endsWith('.') ? name.slice(0, -1) : name;
}
