import type { Env } from '../base/env.ts';
import { ClusterNames, type NameCaches } from './cluster-names.ts';
import type { DnsForwarder, Via } from './dns-forwarder.ts';
import {
  codes,
  type DnsRecord,
  decodeMessage,
  encodeMessage,
  headerBytes,
  internetClass,
  type Message,
  messageBytesMax,
  optType,
  plainBytesMax,
} from './dns-message.ts';
import { type DnsQuery, readQuery } from './dns-query.ts';
import { copyOf, DnsFormatError } from './dns-wire.ts';
import type { Answer } from './resolver.ts';

/** What fits through nearly every network in one piece: said to clients, and kept to. */
export const datagramBytesMax = 1_232;
const transfers = [251, 252];
export const clusterTtls = { ttlSeconds: 30, absentSeconds: 5 };
const extensionBytes = 11;

/** An answer that only needs the client's number and question to be sent. */
interface Prepared {
  readonly answer: Answer;
  readonly bytes: Uint8Array;
  /** Addresses that take turns in being the first: where they begin, and how long each is. */
  readonly turning?: { readonly at: number; readonly size: number; readonly end: number };
}

/** Answers queries for names of the cluster itself, and has all others answered elsewhere. */
export class DnsResponder {
  readonly #env: Env;
  readonly #names: ClusterNames<Prepared>;
  readonly #forwarder: DnsForwarder;

  constructor(env: Env, caches: NameCaches, options: { readonly domain: string; readonly forwarder: DnsForwarder }) {
    this.#env = env;
    this.#forwarder = options.forwarder;
    this.#names = new ClusterNames(caches, { domain: options.domain, ...clusterTtls }, prepared);
  }

  /** At once for what the cluster knows itself. Nothing: this is not to be answered at all. */
  respond(bytes: Uint8Array, via: Via): Uint8Array | Promise<Uint8Array> | undefined {
    const query = readQuery(bytes);
    if (query === undefined) return undefined;
    if (typeof query === 'number') return refusal(bytes, undefined, query);
    const limit = limitOf(query, via);
    if ((query.extension?.version ?? 0) > 0) return refusal(bytes, query, codes.badVersion);
    if (query.class !== internetClass || transfers.includes(query.type)) return refusal(bytes, query, codes.refused);
    if (!this.#names.synced) return refusal(bytes, query, codes.failure);
    const found = this.#names.find(query.name, query.type);
    if (!found) return this.#elsewhere(bytes, query, { limit, via });
    if (found.answer.outside !== undefined) return this.#further(bytes, query, { found, via, limit });
    return ready(bytes, query, found, limit);
  }

  async #elsewhere(bytes: Uint8Array, query: DnsQuery, to: { readonly limit: number; readonly via: Via }) {
    const answer = await this.#forwarder.ask(bytes, query, to.via);
    if (!answer) return refusal(bytes, query, codes.failure);
    return answer.length <= to.limit ? answer : cut(answer, query);
  }

  /** The name leads out of the cluster: what is found there belongs to the answer. */
  async #further(
    bytes: Uint8Array,
    query: DnsQuery,
    to: { readonly found: Prepared; readonly via: Via; readonly limit: number },
  ): Promise<Uint8Array> {
    const { outside = '', answers } = to.found.answer;
    const question = { name: outside, type: query.type, class: internetClass };
    const asked = encodeMessage({ ...emptyMessage, isAnswer: false, recursionWanted: true, questions: [question] });
    const further = readQuery(asked) as DnsQuery;
    // In full, whatever the client's own limit is: it is kept to when the parts are put together.
    const answer = await this.#forwarder.ask(asked, further, 'tcp');
    if (!answer) return refusal(bytes, query, codes.failure);
    let found: Message;
    try {
      found = decodeMessage(answer);
    } catch (error) {
      if (!(error instanceof DnsFormatError)) throw error;
      this.#env.log.debug('an answer from elsewhere is none', { name: outside, error: error.message });
      return refusal(bytes, query, codes.failure);
    }
    const { code, authority } = found;
    return sized(bytes, query, to.limit, { code, answers: [...answers, ...found.answers], authority, additional: [] });
  }
}

const emptyMessage: Message = {
  id: 0,
  isAnswer: true,
  operation: 0,
  authoritative: false,
  truncated: false,
  recursionWanted: false,
  recursionOffered: true,
  code: codes.ok,
  questions: [],
  answers: [],
  authority: [],
  additional: [],
};

function limitOf({ extension }: DnsQuery, via: Via): number {
  if (via === 'tcp') return messageBytesMax;
  return extension ? Math.max(plainBytesMax, Math.min(extension.size, datagramBytesMax)) : plainBytesMax;
}

function prepared(answer: Answer, name: string, type: number): Prepared {
  const questions = [{ name, type, class: internetClass }];
  const bytes = encodeMessage({ ...emptyMessage, ...answer, authoritative: true, questions });
  const size = turningSize(answer.answers, name);
  if (size === 0) return { answer, bytes };
  const at = questionEnd(bytes);
  return { answer, bytes, turning: { at, size, end: at + size * answer.answers.length } };
}

/** How long each record is where all are addresses of the name that was asked for: a pointer, the head, the bytes. */
function turningSize(answers: readonly DnsRecord[], name: string): number {
  const [first] = answers;
  if (answers.length < 2 || (first?.type !== 'A' && first?.type !== 'AAAA')) return 0;
  const alike = answers.every((record) => record.type === first.type && record.name === name);
  return alike ? 12 + (first.type === 'A' ? 4 : 16) : 0;
}

function questionEnd(bytes: Uint8Array): number {
  let at = headerBytes;
  while (bytes[at]) at += (bytes[at] as number) + 1;
  return at + 5;
}

/** The prepared answer for this client: its number, its question letter by letter, its extension. */
function ready(query: Uint8Array, about: DnsQuery, found: Prepared, limit: number): Uint8Array {
  const { bytes, turning } = found;
  const whole = bytes.length + (about.extension ? extensionBytes : 0);
  if (whole > limit) return sized(query, about, limit, found.answer);
  if (turning) turn(bytes, turning);
  const answer = new Uint8Array(whole);
  answer.set(bytes);
  answer.set(query.subarray(headerBytes, about.questionEnd), headerBytes);
  answer[0] = query[0] as number;
  answer[1] = query[1] as number;
  if (about.recursionWanted) answer[2] = (answer[2] as number) | 1;
  if (about.extension) extend(answer, bytes.length);
  return answer;
}

/** The first of the addresses becomes the last. */
function turn(bytes: Uint8Array, { at, size, end }: NonNullable<Prepared['turning']>): void {
  const first = copyOf(bytes.subarray(at, at + size));
  bytes.copyWithin(at, at + size, end);
  bytes.set(first, end - size);
}

function extend(answer: Uint8Array, at: number): void {
  answer[at + 2] = optType;
  answer[at + 3] = datagramBytesMax >>> 8;
  answer[at + 4] = datagramBytesMax & 255;
  const count = (answer[10] as number) * 256 + (answer[11] as number) + 1;
  answer[10] = count >>> 8;
  answer[11] = count & 255;
}

/** As much of an answer as has room. */
function sized(
  query: Uint8Array,
  about: DnsQuery,
  limit: number,
  answer: Pick<Answer, 'code' | 'answers' | 'authority' | 'additional'>,
): Uint8Array {
  const message = { ...emptyMessage, ...answer, ...askedBy(query, about), authoritative: true };
  const bytes = encodeMessage(message, limit);
  bytes.set(query.subarray(headerBytes, about.questionEnd), headerBytes);
  return bytes;
}

function refusal(query: Uint8Array, about: DnsQuery | undefined, code: number): Uint8Array {
  if (about) return encodeMessage({ ...emptyMessage, ...askedBy(query, about), code });
  const id = (query[0] as number) * 256 + (query[1] as number);
  return encodeMessage({ ...emptyMessage, id, operation: ((query[2] as number) >>> 3) & 15, code });
}

const askedBy = (query: Uint8Array, { name, type, class: of, recursionWanted, extension }: DnsQuery) => ({
  id: (query[0] as number) * 256 + (query[1] as number),
  recursionWanted,
  questions: [{ name, type, class: of }],
  ...(extension ? { extension: { size: datagramBytesMax, version: 0, dnssec: false, options: new Uint8Array() } } : {}),
});

/** An answer that finds no room in a datagram: the client is told to come back over TCP. */
function cut(answer: Uint8Array, { questionEnd: end }: DnsQuery): Uint8Array {
  const head = copyOf(answer.subarray(0, end));
  head[2] = (head[2] as number) | 0x02;
  head.fill(0, 6, headerBytes);
  return head;
}
