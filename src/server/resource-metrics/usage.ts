import { type Node, nodes as nodeKind } from '../../api/kinds/node.ts';
import { type Clock, type Env, type Instant, type Millis, sleep } from '../../base/env.ts';
import { decodeText, isObject, type Json } from '../../base/json.ts';
import { never, StopSource } from '../../base/stop.ts';
import type { Store } from '../../store/store.ts';
import { storagePrefix } from '../kinds.ts';
import type { NodeDoors } from '../node-doors.ts';
import { nodePlace } from '../streaming/node-place.ts';

/** So old may figures be that are answered again: who asks more often shares them. */
const freshMs: Millis = 2_000;
/** A rate is told between two samples: no closer together than this, and no further apart than that. */
const windowMinMs: Millis = 1_000;
const windowMaxMs: Millis = 60_000;
const answerWithinMs: Millis = 3_000;
const nanosPerMilli = 1_000_000;

export interface Usage {
  readonly cpuNanos: number;
  readonly memoryBytes: number;
}
export interface PodUsage {
  readonly containers: readonly (Usage & { readonly name: string })[];
}
export interface NodeUsage extends Usage {
  readonly node: string;
  readonly at: Instant;
  readonly windowMs: Millis;
  /** By `namespace/name`. */
  readonly pods: ReadonlyMap<string, PodUsage & { readonly uid: string }>;
}

interface Sample {
  readonly at: Millis;
  readonly time: Instant;
  /** By `uid/container`: the processor time used so far. */
  readonly totals: ReadonlyMap<string, number>;
  readonly summary: readonly PodSummary[];
}
interface PodSummary {
  readonly podRef: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly containers: readonly {
    readonly name: string;
    readonly cpu: { readonly usageCoreNanoSeconds: number };
    readonly memory: { readonly workingSetBytes: number };
  }[];
}

/**
 * What nodes and pods use, as their agents tell it. Nothing is measured while nobody asks: the first to ask waits for
 * a second sample, whoever asks again gets what was used since.
 */
export class UsageCollector {
  readonly #env: Env;
  readonly #store: Store;
  readonly #doors: NodeDoors;
  #before = new Map<string, Sample>();
  #last = new Map<string, Sample>();
  #pending: Promise<void> | undefined;

  constructor(env: Env, store: Store, doors: NodeDoors) {
    this.#env = env;
    this.#store = store;
    this.#doors = doors;
  }

  async current(): Promise<readonly NodeUsage[]> {
    this.#pending ??= this.#refresh().finally(() => {
      this.#pending = undefined;
    });
    await this.#pending;
    return [...this.#last].flatMap(([node, last]) => {
      const before = this.#before.get(node);
      return before ? [usageBetween(node, before, last)] : [];
    });
  }

  async #refresh(): Promise<void> {
    const { clock } = this.#env;
    const age = clock.monotonic() - newest(this.#last);
    if (age < freshMs && this.#before.size > 0) return;
    await this.#sample();
    if ([...this.#last.keys()].some((node) => this.#before.has(node)) || this.#last.size === 0) return;
    // Nobody has asked for long.
    await sleep(clock, windowMinMs, never);
    await this.#sample();
  }

  async #sample(): Promise<void> {
    const { entries } = await this.#store.list(storagePrefix(nodeKind));
    const names = entries.map(({ value }) => (value as unknown as Node).metadata.name);
    const found = await Promise.all(names.map((name) => this.#ask(name)));
    const last = new Map<string, Sample>();
    const before = new Map<string, Sample>();
    for (const [index, sample] of found.entries()) {
      const name = names[index] as string;
      if (!sample) continue;
      const old = this.#last.get(name);
      last.set(name, sample);
      if (old && sample.at - old.at <= windowMaxMs) before.set(name, old);
    }
    this.#last = last;
    this.#before = before;
  }

  /** A node that does not answer has no figures. */
  async #ask(name: string): Promise<Sample | undefined> {
    const { clock, log } = this.#env;
    const stop = new StopSource();
    const late = sleep(clock, answerWithinMs, stop).then(
      () => {
        throw new Error('it did not answer in time');
      },
      () => undefined,
    );
    try {
      const place = await nodePlace(this.#store, name);
      const request = { method: 'GET' as const, path: '/stats/summary', query: [], headers: {}, stop };
      const answer = await Promise.race([this.#doors(place)(request), late]);
      return answer && (await sampleOf(answer as never, clock));
    } catch (error) {
      log.debug('a node did not tell what it uses', { node: name, error: String(error) });
      return undefined;
    } finally {
      stop.stop();
    }
  }
}

const newest = (samples: ReadonlyMap<string, Sample>): Millis =>
  [...samples.values()].reduce((latest, { at }) => Math.max(latest, at), Number.NEGATIVE_INFINITY);

type Body = { readonly bytes: Uint8Array } | { readonly object: Json };

async function sampleOf(
  answer: { readonly status: number; readonly body?: Body; readonly stream?: AsyncIterable<Uint8Array> },
  clock: Clock,
): Promise<Sample> {
  const parts: string[] = [];
  // The text of a node is cut at characters of one byte: names and figures have no others.
  for await (const part of answer.stream ?? []) parts.push(decodeText(part));
  const { body } = answer;
  if (body && 'bytes' in body) parts.push(decodeText(body.bytes));
  const value = body && 'object' in body ? body.object : (JSON.parse(parts.join('')) as Json);
  if (answer.status !== 200 || !isObject(value)) throw new Error(`it answered ${answer.status}`);
  const summary = value.pods as unknown as readonly PodSummary[];
  const totals = new Map<string, number>();
  for (const { podRef, containers } of summary) {
    for (const { name, cpu } of containers) totals.set(`${podRef.uid}/${name}`, cpu.usageCoreNanoSeconds);
  }
  return { at: clock.monotonic(), time: clock.now(), totals, summary };
}

function usageBetween(node: string, before: Sample, last: Sample): NodeUsage {
  const windowMs = last.at - before.at;
  const pods = new Map<string, PodUsage & { readonly uid: string }>();
  let cpuNanos = 0;
  let memoryBytes = 0;
  for (const { podRef, containers } of last.summary) {
    const measured = containers.flatMap(({ name, cpu, memory }) => {
      const old = before.totals.get(`${podRef.uid}/${name}`);
      const used = cpu.usageCoreNanoSeconds - (old ?? Number.POSITIVE_INFINITY);
      memoryBytes += memory.workingSetBytes;
      // It was not there before, or it has started anew.
      if (used < 0) return [];
      const rate = Math.round((used * 1_000) / windowMs);
      cpuNanos += rate;
      return [{ name, cpuNanos: rate, memoryBytes: memory.workingSetBytes }];
    });
    // Half of a pod would look like a pod at rest.
    if (measured.length < containers.length) continue;
    pods.set(`${podRef.namespace}/${podRef.name}`, { uid: podRef.uid, containers: measured });
  }
  return { node, at: last.time, windowMs, cpuNanos, memoryBytes, pods };
}

/** `1.5s`, as Go writes a duration of milliseconds. */
export const windowText = (ms: Millis): string => `${Math.round(ms * nanosPerMilli) / (1_000 * nanosPerMilli)}s`;
