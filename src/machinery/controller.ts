import type { ApiError } from '../api/error.ts';
import type { Key, KubeObject } from '../api/object.ts';
import type { Instant, Millis, Random } from '../base/env.ts';
import type { Json } from '../base/json.ts';
import type { Action, Notice } from '../client/action.ts';
import type { Cache } from './cache.ts';

/** Which objects matter, and which keys to look at again when one changes. */
export interface Source<T extends KubeObject = KubeObject> {
  readonly cache: Cache<T>;
  keys(object: T): readonly Key[];
  /** Changes are gathered so long before they are looked at: one write for many of them. */
  readonly delayMs?: Millis;
}

/**
 * Groups go out in order; inside a group actions are concurrent up to the loop's limit, with slow start (1, 2, 4, ...),
 * so that many creates share one disk write and a refusal costs little.
 */
export interface Plan {
  readonly actions: readonly (readonly (Action | Notice)[])[];
  /** Look again after this long, whatever happens. */
  readonly again?: Millis;
}

/** An action that the server did not take. */
export interface Refusal {
  readonly action: Action;
  readonly error: ApiError;
}

/** What a decision must know that no cache holds: read from the server before the plan is made. */
export interface Question {
  readonly path: string;
  readonly query?: readonly (readonly [string, string])[];
  /** What is asked about, where a path does not say it: a review. */
  readonly body?: Json;
}
export type Answer = { readonly found: Json } | { readonly error: ApiError };

/** Told of kinds that come and go while the controller runs. */
export interface SourceListener {
  added(source: Source): void;
  removed(cache: Cache): void;
}

export const nothing: Plan = { actions: [] };

/**
 * A controller is synchronous functions: it has no client, no clock and no promise. A test is "given these objects,
 * expect this plan". ControllerLoop does the rest once for all.
 */
export interface Controller<Observed> {
  readonly name: string;
  sources(): readonly Source[];
  observe(key: Key): Observed | undefined;
  /** Asked before each plan; the answers come in the same order. */
  wants?(observed: Observed, now: Instant): readonly Question[];
  /** What is to be asked once the first answers are known. */
  wantsMore?(observed: Observed, answers: readonly Answer[]): readonly Question[];
  plan(observed: Observed, now: Instant, random: Random, answers: readonly Answer[]): Plan;
  /** What is to be told of a refusal, and written because of it: the same key is planned again afterwards. */
  refused?(observed: Observed, refusal: Refusal, now: Instant): Plan;
  /** Sources beyond the first ones. Nobody waits for their first list: the controller asks where it must be sure. */
  follow?(listener: SourceListener): void;
}

/** A source of one kind, where the loop sees them all alike. */
export const source = <T extends KubeObject>(
  cache: Cache<T>,
  keys: (object: T) => readonly Key[],
  delayMs?: Millis,
): Source => ({ cache, keys, ...(delayMs === undefined ? {} : { delayMs }) }) as unknown as Source;
