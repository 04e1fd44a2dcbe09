import type { Stop } from './stop.ts';

/** A duration. */
export type Millis = number;
/** A date. The brand keeps dates and durations apart. */
export type Instant = number & { readonly unit: 'ms since epoch' };
export type Cancel = () => void;

/** The only source of time. */
export interface Clock {
  /** Wall clock: may jump; for timestamps. */
  now(): Instant;
  /** Never goes back; for measuring. */
  monotonic(): Millis;
  /** The one waiting primitive: sleep, ticker, deadline and back-off stand on it. */
  after(delay: Millis, fire: () => void): Cancel;
}

/** The only source of chance. Every part forks its own stream, so a new draw in one never shifts another. */
export interface Random {
  float(): number;
  below(bound: number): number;
  suffix(length: number): string;
  uid(): string;
  fork(label: string): Random;
}

export interface Log {
  debug(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

export type Labels = Readonly<Record<string, string>>;
export interface Metrics {
  count(name: string, labels?: Labels, by?: number): void;
  gauge(name: string, value: number, labels?: Labels): void;
  /** `times`: so many of the same value at once. */
  observe(name: string, value: number, labels?: Labels, times?: number): void;
}

/**
 * Synchronous, so that nothing waits on a thread pool: host/ stands on node:crypto, sim/ uses real digests and toy
 * keys. Keys are P-256; an RSA key is made off the ready path, once somebody needs it.
 */
export interface Crypto {
  digest(bytes: Uint8Array): string;
  seal(plain: Uint8Array): Uint8Array;
  open(sealed: Uint8Array): Uint8Array;
  sign(bytes: Uint8Array): Uint8Array;
  verify(bytes: Uint8Array, signature: Uint8Array, keyId: string): boolean;
}

/** What every part is given: the first argument of every constructor. */
export interface Env {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly crypto: Crypto;
}

/**
 * A long-running part. It ends when stopped. A rejection is a bug in it: in the simulator the seed fails; in
 * production the part is stopped, counted, logged and started again with back-off.
 */
export interface Component {
  readonly name: string;
  run(stop: Stop): Promise<void>;
}

/** Thrown out of a wait that was stopped. Expected wherever a Stop is given. */
export class Stopped extends Error {
  constructor() {
    super('stopped');
    this.name = 'Stopped';
  }
}

export function sleep(clock: Clock, delay: Millis, stop?: Stop): Promise<void> {
  return new Promise((resolve, reject) => {
    if (stop?.stopped) return reject(new Stopped());
    const cancel = clock.after(delay, () => {
      forget?.();
      resolve();
    });
    const forget = stop?.onStop(() => {
      cancel();
      reject(new Stopped());
    });
  });
}

/** The same world with a stream of chance of its own. */
export function forkEnv(env: Env, label: string): Env {
  return { ...env, random: env.random.fork(label) };
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
