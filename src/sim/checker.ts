import type { ApiRequest, WatchEvent } from '../api/wire.ts';
import type { Millis } from '../base/env.ts';
import { assert } from '../base/env.ts';
import type { Json } from '../base/json.ts';
import type { Change, Entry } from '../store/store.ts';
import type { SimClock } from './clock.ts';
import type { SimRuntime } from './runtime.ts';

/** What a checker may look at. It changes nothing and draws no chance. */
export interface CheckedWorld {
  readonly clock: SimClock;
  readonly runtimes: ReadonlyMap<string, SimRuntime>;
  /** When each host last started: what it did just before may still be under way. */
  readonly restartedAt: ReadonlyMap<string, Millis>;
  isUp(host: string): boolean;
}

/** An invariant. It throws a Violation where the world breaks it. */
export interface Checker {
  readonly name: string;
  /** At every commit, in order. */
  commit?(change: Change): void;
  /** A watch opens: sees its events as the server pushes them. */
  tap?(request: ApiRequest): ((event: WatchEvent) => void) | undefined;
  /** Now and then, and at the end. */
  verify?(): void;
}

export class Violation extends Error {
  readonly checker: string;
  constructor(checker: string, message: string) {
    super(`${checker}: ${message}`);
    this.name = 'Violation';
    this.checker = checker;
  }
}

/** `/core/pods/`: the folder that all objects of a resource are stored in. */
export function folderOf(key: string): string {
  const end = key.indexOf('/', key.indexOf('/', 1) + 1);
  assert(end > 0, `${key} has a folder`);
  return key.slice(0, end + 1);
}

export const podsFolder = '/core/pods/';
export const valueOf = <T>(entry: Entry | undefined): T | undefined => entry?.value as (Json & T) | undefined;
/** The object as it is after the change, if there still is one. */
export const afterOf = <T>(change: Change): T | undefined =>
  change.type === 'put' ? valueOf<T>(change.entry) : undefined;
