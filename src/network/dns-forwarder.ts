import type { Env, Millis } from '../base/env.ts';
import { codes, headerBytes, optType, recordTypes } from './dns-message.ts';
import type { DnsQuery } from './dns-query.ts';
import { copyOf, DnsFormatError, WireReader } from './dns-wire.ts';

export type Via = 'udp' | 'tcp';

/** The resolvers of the machine. */
export interface Elsewhere {
  /** As they are now, the first to be asked first. Our own addresses are not among them. */
  servers(): readonly string[];
  /** One question to one server; over UDP and, where the answer is truncated and `via` says so, over TCP. */
  exchange(server: string, query: Uint8Array, options: ExchangeOptions): Promise<Uint8Array>;
}
export interface ExchangeOptions {
  readonly via: Via;
  readonly withinMs: Millis;
  /** Others may send us something too. */
  accepts(answer: Uint8Array): boolean;
}

/** Clients give up after 5 s: they are told before. */
const totalMs = 4_500;
const tryMs = 1_500;
/** One that did not answer is asked last for so long. */
const avoidMs = 10_000;
const askedAtOnceMax = 512;
const rememberedMax = 2_048;
const rememberedBytesMax = 4_096;
/** Whatever the world says: a laptop may be in another network soon. */
const rememberedMsMax = 30_000;

interface Remembered {
  readonly bytes: Uint8Array;
  readonly at: Millis;
  readonly until: Millis;
}

/**
 * Has queries answered by the machine's resolvers, and remembers what they say. The same question at the same time is
 * asked once: so one that comes back to us, because the machine's resolver asks us, waits for itself: no storm.
 */
export class DnsForwarder {
  readonly #env: Env;
  readonly #elsewhere: Elsewhere;
  readonly #remembered = new Map<string, Remembered>();
  readonly #asking = new Map<string, Promise<Uint8Array | undefined>>();
  readonly #avoided = new Map<string, Millis>();
  #servers = '';

  constructor(env: Env, elsewhere: Elsewhere) {
    this.#env = env;
    this.#elsewhere = elsewhere;
  }

  /** The answer, for the client that asked with these bytes; nothing where nobody answered. */
  async ask(bytes: Uint8Array, query: DnsQuery, via: Via): Promise<Uint8Array | undefined> {
    const servers = this.#currentServers();
    const key = keyOf(bytes, query, via);
    const known = this.#recall(key);
    if (known) return addressed(known, bytes, query);
    let asking = this.#asking.get(key);
    if (!asking) {
      if (this.#asking.size >= askedAtOnceMax) return undefined;
      // Known as asked before anybody is: who answers may ask us first.
      asking = Promise.resolve()
        .then(() => this.#askAll(servers, { bytes, query, via }))
        .finally(() => this.#asking.delete(key));
      this.#asking.set(key, asking);
      void asking.then((answer) => answer && this.#remember(key, answer));
    }
    const answer = await asking;
    return answer && addressed(answer, bytes, query);
  }

  /** In another network other servers say other things. */
  #currentServers(): readonly string[] {
    const servers = this.#elsewhere.servers();
    const text = servers.join(' ');
    if (text !== this.#servers) {
      this.#servers = text;
      this.#remembered.clear();
      this.#avoided.clear();
    }
    return servers;
  }

  async #askAll(servers: readonly string[], asked: Asked): Promise<Uint8Array | undefined> {
    const { clock, log } = this.#env;
    const end = clock.monotonic() + totalMs;
    const avoided = (server: string) => (this.#avoided.get(server) ?? 0) > clock.monotonic();
    const order = [...servers.filter((server) => !avoided(server)), ...servers.filter(avoided)];
    let refused: Uint8Array | undefined;
    while (order.length > 0 && clock.monotonic() < end) {
      const server = order.shift() as string;
      try {
        const answer = await this.#askOne(server, asked, Math.min(tryMs, end - clock.monotonic()));
        this.#avoided.delete(server);
        const code = (answer[3] ?? 0) & 15;
        if (code !== codes.failure && code !== codes.refused) return answer;
        // Another one may know better; where none does, this is the answer.
        refused ??= answer;
      } catch (error) {
        log.debug('a resolver of the machine did not answer', { server, name: asked.query.name, error: String(error) });
        this.#avoided.set(server, clock.monotonic() + avoidMs);
        // The only one there is may be slow: it is asked as often as there is time.
        if (order.length === 0 && !refused && servers.length === 1) order.push(server);
      }
    }
    return refused;
  }

  async #askOne(server: string, { bytes, query, via }: Asked, withinMs: Millis): Promise<Uint8Array> {
    const id = this.#env.random.below(65_536);
    const own = copyOf(bytes);
    own[0] = id >>> 8;
    own[1] = id & 255;
    const accepts = (answer: Uint8Array) => isAnswerTo(own, query, answer);
    return this.#elsewhere.exchange(server, own, { via, withinMs, accepts });
  }

  #recall(key: string): Uint8Array | undefined {
    const found = this.#remembered.get(key);
    const now = this.#env.clock.monotonic();
    if (!found || found.until <= now) return undefined;
    return aged(found.bytes, Math.floor((now - found.at) / 1000));
  }

  #remember(key: string, bytes: Uint8Array): void {
    const lifeMs = Math.min(lifeSeconds(bytes) * 1000, rememberedMsMax);
    if (lifeMs <= 0 || bytes.length > rememberedBytesMax) return;
    const at = this.#env.clock.monotonic();
    this.#remembered.delete(key);
    this.#remembered.set(key, { bytes, at, until: at + lifeMs });
    if (this.#remembered.size <= rememberedMax) return;
    for (const oldest of this.#remembered.keys()) {
      this.#remembered.delete(oldest);
      return;
    }
  }
}

interface Asked {
  readonly bytes: Uint8Array;
  readonly query: DnsQuery;
  readonly via: Via;
}

/** All that an answer depends on: everything of the query but its number and the case of its letters. */
function keyOf(bytes: Uint8Array, { name, type, class: of, questionEnd }: DnsQuery, via: Via): string {
  const rest = [bytes[2], bytes[3], ...bytes.subarray(questionEnd)].join(' ');
  return `${via} ${type} ${of} ${name} ${rest}`;
}

function isAnswerTo(query: Uint8Array, { questionEnd }: DnsQuery, answer: Uint8Array): boolean {
  if (answer[0] !== query[0] || answer[1] !== query[1] || ((answer[2] ?? 0) & 0x80) === 0) return false;
  // Some that refuse leave even the question out.
  if (answer[4] === 0 && answer[5] === 0) return ((answer[3] ?? 0) & 15) !== codes.ok;
  if (answer.length < questionEnd) return false;
  for (let at = headerBytes; at < questionEnd; at++) {
    if (lower(answer[at] as number) !== lower(query[at] as number)) return false;
  }
  return true;
}

const lower = (byte: number): number => (byte >= 65 && byte <= 90 ? byte + 32 : byte);

/** With the number and the letters of whoever asked. */
function addressed(answer: Uint8Array, query: Uint8Array, { questionEnd }: DnsQuery): Uint8Array {
  const own = copyOf(answer);
  own[0] = query[0] as number;
  own[1] = query[1] as number;
  if (own[5] === 1) own.set(query.subarray(headerBytes, questionEnd), headerBytes);
  return own;
}

/** For how long an answer holds; 0 where it is not to be remembered. */
function lifeSeconds(bytes: Uint8Array): number {
  const code = (bytes[3] ?? 0) & 15;
  const truncated = ((bytes[2] ?? 0) & 0x02) !== 0;
  if (truncated || (code !== codes.ok && code !== codes.noSuchName)) return 0;
  const isThere = code === codes.ok && ((bytes[6] ?? 0) > 0 || (bytes[7] ?? 0) > 0);
  let least = Number.POSITIVE_INFINITY;
  let absent = 0;
  try {
    eachRecord(bytes, ({ type, ttlAt, end }) => {
      const ttl = numberAt(bytes, ttlAt);
      least = Math.min(least, ttl);
      if (type === recordTypes.SOA) absent = Math.min(ttl, numberAt(bytes, end - 4));
    });
  } catch (error) {
    if (!(error instanceof DnsFormatError)) throw error;
    return 0;
  }
  return isThere ? (Number.isFinite(least) ? least : 0) : absent;
}

/** The same answer, so many seconds later. */
function aged(bytes: Uint8Array, seconds: number): Uint8Array {
  const older = copyOf(bytes);
  eachRecord(older, ({ ttlAt }) => {
    const left = Math.max(0, numberAt(older, ttlAt) - seconds);
    for (let byte = 0; byte < 4; byte++) older[ttlAt + byte] = left >>> (24 - 8 * byte);
  });
  return older;
}

interface RecordPlace {
  readonly type: number;
  readonly ttlAt: number;
  readonly end: number;
}

function eachRecord(bytes: Uint8Array, visit: (record: RecordPlace) => void): void {
  const reader = new WireReader(bytes, 4);
  const [questions, ...others] = [reader.u16(), reader.u16(), reader.u16(), reader.u16()] as const;
  for (let left = questions; left > 0; left--) {
    reader.name();
    reader.u32();
  }
  for (let left = others.reduce((sum, count) => sum + count, 0); left > 0; left--) {
    reader.name();
    const type = reader.u16();
    reader.u16();
    const ttlAt = reader.at;
    reader.u32();
    reader.take(reader.u16());
    if (type !== optType) visit({ type, ttlAt, end: reader.at });
  }
}

const numberAt = (bytes: Uint8Array, at: number): number =>
  [0, 1, 2, 3].reduce((sum, byte) => sum * 256 + (bytes[at + byte] ?? 0), 0);
