import { type ApiError, isApiError } from '../api/error.ts';
import { type KubeObject, keyText, parseKey } from '../api/object.ts';
import { jsonType, objectType } from '../api/wire.ts';
import { type Component, type Env, type Millis, Stopped, sleep } from '../base/env.ts';
import { type Stop, StopSource } from '../base/stop.ts';
import type { Action, Notice } from '../client/action.ts';
import { type Client, jsonOf } from '../client/client.ts';
import type { Cache } from './cache.ts';
import type { Answer, Controller, Question, Refusal, Source } from './controller.ts';
import type { EventRecorder } from './events.ts';
import { logFields } from './log-fields.ts';
import { WorkQueue } from './queue.ts';
import { WorkFigures } from './work-figures.ts';

const backoffMinMs = 5;
const backoffMaxMs = 60_000;
const groupBatchMax = 64;
/** Many questions are asked a few at a time, and others have their turn in between: a hostile object asks thousands. */
const questionsAtOnce = 16;
/** A look that takes longer than this, because much belongs to its key, is followed by a rest so many times as long. */
const longLookMs: Millis = 5;
const restTimes = 9;

export interface LoopOptions {
  /** Keys worked on at once. */
  readonly workers?: number;
  /** Who may look at every kind, where the controller's own account may only write some. */
  readonly reader?: Client;
}

/** Runs any controller: caches -> queue -> observe -> plan -> send -> wait until the caches have seen our own writes. */
export class ControllerLoop<Observed> implements Component {
  readonly name: string;
  readonly #env: Env;
  readonly #client: Client;
  readonly #reader: Client;
  readonly #controller: Controller<Observed>;
  readonly #events: EventRecorder;
  readonly #workers: number;
  readonly #queue: WorkQueue;
  readonly #sources: readonly Source[];
  /** Those that came later. */
  #more: readonly Source[] = [];
  readonly #failures = new Map<string, number>();
  /** Per key, the revision that each cache must have passed before the key is looked at again. */
  readonly #barriers = new Map<string, Map<Cache, number>>();
  /** Until when keys are left alone whose last look took long: what comes meanwhile is seen in one look. */
  readonly #rests = new Map<string, Millis>();
  /** Keys that wait for a cache. */
  readonly #parked = new Set<string>();

  constructor(
    env: Env,
    client: Client,
    controller: Controller<Observed>,
    more: LoopOptions & { readonly events: EventRecorder },
  ) {
    this.#env = env;
    this.#client = client;
    this.#reader = more.reader ?? client;
    this.#controller = controller;
    this.#events = more.events;
    this.#workers = more.workers ?? 8;
    this.name = controller.name;
    this.#queue = new WorkQueue(env.clock, new WorkFigures(env, controller.name));
    this.#sources = controller.sources();
    for (const source of this.#sources) this.#listen(source);
    controller.follow?.({
      added: (source) => {
        this.#more = [...this.#more, source];
        this.#listen(source);
      },
      removed: (cache) => {
        this.#more = this.#more.filter((source) => source.cache !== cache);
        for (const barriers of this.#barriers.values()) barriers.delete(cache);
        this.#unpark();
      },
    });
  }

  #listen({ cache, keys, delayMs }: Source): void {
    const wake = (key: string) => (delayMs ? this.#queue.addAfter(key, delayMs) : this.#queue.add(key));
    cache.onChange((now, before) => {
      for (const object of [now, before]) if (object) for (const key of keys(object)) wake(keyText(key));
    });
    cache.onProgress(() => this.#unpark());
  }

  /** Nobody waits beside the one who hands out keys: of sixty controllers most are at rest most of the time. */
  async run(stop: Stop): Promise<void> {
    const inner = StopSource.under(stop);
    const busy = new Set<Promise<void>>();
    let bug: unknown;
    for (;;) {
      const key = await this.#queue.take(inner);
      if (key === undefined) break;
      const work = this.#work(key, inner)
        .catch((error: unknown) => {
          bug ??= error;
          inner.stop();
        })
        .finally(() => busy.delete(work));
      busy.add(work);
      while (busy.size >= this.#workers) await Promise.race(busy);
    }
    await Promise.all(busy);
    inner.stop();
    if (bug !== undefined) throw bug;
  }

  async #work(key: string, stop: Stop): Promise<void> {
    try {
      await this.#step(key, stop);
      this.#failures.delete(key);
    } catch (error) {
      if (error instanceof Stopped) return;
      if (!isApiError(error)) throw new Error(`${this.name} at ${key}`, { cause: error });
      this.#retry(key, error);
    } finally {
      this.#queue.done(key);
    }
  }

  #retry(key: string, error: Error): void {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    this.#env.metrics.count('workqueue_retries_total', { name: this.name });
    this.#env.log.debug('trying again', { controller: this.name, key, failures, error: error.message });
    const jitter = 1 + this.#env.random.float() / 4;
    this.#queue.addAfter(key, Math.min(backoffMinMs * 2 ** (failures - 1), backoffMaxMs) * jitter);
  }

  async #step(key: string, stop: Stop): Promise<void> {
    if (!this.#caughtUp(key)) {
      this.#parked.add(key);
      return;
    }
    const { clock } = this.#env;
    const rest = (this.#rests.get(key) ?? 0) - clock.monotonic();
    if (rest > 0) {
      this.#queue.addAfter(key, rest);
      return;
    }
    this.#rests.delete(key);
    this.#barriers.delete(key);
    const begun = clock.monotonic();
    const observed = this.#controller.observe(parseKey(key));
    if (observed === undefined) return;
    const observedIn = clock.monotonic() - begun;
    const first = await this.#askAll(this.#controller.wants?.(observed, clock.now()) ?? [], stop);
    const more = await this.#askAll(this.#controller.wantsMore?.(observed, first) ?? [], stop);
    const answers = [...first, ...more];
    const planning = clock.monotonic();
    const plan = this.#controller.plan(observed, clock.now(), this.#env.random, answers);
    this.#looked(key, observedIn + clock.monotonic() - planning);
    if (plan.again !== undefined) this.#queue.addAfter(key, Math.max(1, plan.again));
    for (const group of plan.actions) {
      const refusals = await this.#send(key, group, stop);
      const [first] = refusals;
      if (!first) continue;
      await this.#tellOfRefusal(key, observed, refusals, stop);
      throw first.error;
    }
  }

  #looked(key: string, tookMs: Millis): void {
    if (tookMs > longLookMs) this.#rests.set(key, this.#env.clock.monotonic() + tookMs * restTimes);
  }

  async #askAll(questions: readonly Question[], stop: Stop): Promise<readonly Answer[]> {
    const answers: Answer[] = [];
    for (let start = 0; start < questions.length; start += questionsAtOnce) {
      if (start > 0) await sleep(this.#env.clock, 0, stop);
      const some = questions.slice(start, start + questionsAtOnce);
      answers.push(...(await Promise.all(some.map((question) => this.#ask(question)))));
    }
    return answers;
  }

  /** A question that cannot be answered is answered by why. */
  async #ask({ path, query = [], body }: Question): Promise<Answer> {
    try {
      const headers = { accept: `${objectType}, ${jsonType}` };
      const asked =
        body === undefined ? { method: 'GET' as const } : { method: 'POST' as const, body: { object: body } };
      return { found: await jsonOf(await this.#client.request({ ...asked, path, query, headers })) };
    } catch (error) {
      if (!isApiError(error)) throw error;
      return { error };
    }
  }

  /** Best effort: what fails here as well is planned again anyway. */
  async #tellOfRefusal(key: string, observed: Observed, refusals: readonly Refusal[], stop: Stop): Promise<void> {
    const now = this.#env.clock.now();
    for (const refusal of refusals) {
      const plan = this.#controller.refused?.(observed, refusal, now);
      for (const group of plan?.actions ?? []) await this.#send(key, group, stop);
    }
  }

  #caughtUp(key: string): boolean {
    if (!this.#sources.every(({ cache }) => cache.synced)) return false;
    for (const [cache, revision] of this.#barriers.get(key) ?? []) if (cache.revision < revision) return false;
    return true;
  }

  #unpark(): void {
    for (const key of this.#parked) {
      if (!this.#caughtUp(key)) continue;
      this.#parked.delete(key);
      this.#queue.add(key);
    }
  }

  /** Answers what was refused; whatever else was in the group is not sent after that, or was sent beside it. */
  async #send(key: string, group: readonly (Action | Notice)[], stop: Stop): Promise<readonly Refusal[]> {
    const actions = group.filter((action) => action.verb !== 'event');
    const done = new Set<Action>();
    const refusals: Refusal[] = [];
    for (let start = 0, size = 1; start < actions.length; start += size, size = Math.min(size * 2, groupBatchMax)) {
      if (stop.stopped) return [];
      const batch = actions.slice(start, start + size);
      const results = await Promise.allSettled(batch.map((action) => this.#act(key, action)));
      for (const [index, result] of results.entries()) {
        const action = batch[index] as Action;
        if (result.status === 'fulfilled') done.add(action);
        else if (isApiError(result.reason)) refusals.push({ action, error: result.reason as ApiError });
        else throw result.reason;
      }
      if (refusals.length > 0) break;
    }
    const notices = group.filter((action) => action.verb === 'event');
    const told = notices.filter(({ after }) => (after ? done.has(after) : refusals.length === 0));
    for (const notice of told) this.#events.record(notice);
    // A notice is in the log already, in better words.
    if (notices.length === 0) for (const action of done) this.#tell(action);
    return refusals;
  }

  /** Every decision leaves a line; how things stand is told by whoever is asked for it. */
  #tell(action: Action): void {
    const { verb, kind } = action;
    const isStatus = verb === 'status' || ('subresource' in action && action.subresource === 'status');
    const { namespace, name } = 'key' in action ? action.key : action.object.metadata;
    const node = verb === 'bind' ? action.node : undefined;
    const fields = { part: this.name, verb, ...logFields({ kind: kind.kind, namespace, name, node }) };
    if (isStatus) this.#env.log.debug('the status was brought up to date', fields);
    else this.#env.log.info(`${verb} ${kind.singular}`, fields);
  }

  async #act(key: string, action: Action): Promise<void> {
    try {
      const result = await this.#client.send(action);
      this.#barrier(key, action, Number((result as KubeObject).metadata?.resourceVersion));
    } catch (error) {
      // What is already gone is what a delete wanted.
      if (action.verb === 'delete' && isApiError(error, 'NotFound')) return;
      if (isApiError(error, 'ServiceUnavailable', 'Timeout', 'InternalError')) await this.#waitForUnknown(key, action);
      throw error;
    }
  }

  /** The answer was lost, so the write may have happened: nothing is decided before the cache has seen past it. */
  async #waitForUnknown(key: string, action: Action): Promise<void> {
    const fields = 'metadata.name=-';
    const { revision } = await this.#reader.list(action.kind, { fields });
    this.#barrier(key, action, Number(revision));
  }

  #barrier(key: string, action: Action, revision: number): void {
    const { group, plural } = action.kind;
    const isIt = ({ cache: { kind } }: Source) => kind.plural === plural && kind.group === group;
    const cache = (this.#sources.find(isIt) ?? this.#more.find(isIt))?.cache;
    if (!cache || Number.isNaN(revision)) return;
    const barriers = this.#barriers.get(key) ?? new Map<Cache, number>();
    barriers.set(cache, Math.max(barriers.get(cache) ?? 0, revision));
    this.#barriers.set(key, barriers);
  }
}
