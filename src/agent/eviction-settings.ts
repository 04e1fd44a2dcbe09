import { quantityBytes } from '../api/quantity.ts';
import { parseDuration } from '../api/schema/scalars.ts';
import type { Millis } from '../base/env.ts';
import { type SignalName, signalNames } from './eviction.ts';

export type Amount = { readonly amount: number } | { readonly percent: number };

export interface Threshold {
  readonly signal: SignalName;
  readonly below: Amount;
  /** So long it may be crossed before pods go; a hard one may not be crossed at all. */
  readonly patienceMs?: Millis;
  /** Once it was crossed, so much more has to be had before it is over. */
  readonly reclaim?: Amount;
}
export interface EvictionSettings {
  readonly thresholds: readonly Threshold[];
  /** What a pod gets at most to end in, where there was patience. */
  readonly podGraceMs: Millis;
  /** A node that was short is believed to be well after so long without it. */
  readonly transitionMs: Millis;
}
/** As they are written, each in upstream's notation. */
export interface EvictionTexts {
  readonly hard: string;
  readonly soft: string;
  readonly softGracePeriod: string;
  readonly maxPodGracePeriodSeconds: number;
  readonly minimumReclaim: string;
  readonly pressureTransitionPeriod: string;
}

/** What was written, and where: whoever reads it knows what his flag is called. */
export class EvictionSettingError extends Error {
  readonly setting: keyof EvictionTexts;
  constructor(setting: keyof EvictionTexts, message: string) {
    super(message);
    this.setting = setting;
  }
}

/** Throws with what is wrong about which of them. */
export function evictionSettings(texts: EvictionTexts): EvictionSettings {
  const patience = within('softGracePeriod', () =>
    parsePairs(texts.softGracePeriod, (value) => durationMs(value, 'a wait')),
  );
  const reclaims = within('minimumReclaim', () => parsePairs(texts.minimumReclaim, parseAmount));
  const withReclaim = (threshold: Threshold): Threshold => {
    const reclaim = reclaims.get(threshold.signal);
    return reclaim ? { ...threshold, reclaim } : threshold;
  };
  const hard = within('hard', () => parseThresholds(texts.hard));
  const soft = within('soft', () => parseThresholds(texts.soft)).map((threshold) => {
    const patienceMs = patience.get(threshold.signal);
    if (patienceMs === undefined) {
      const why = `grace period must be specified for the soft eviction threshold ${threshold.signal}`;
      throw new EvictionSettingError('softGracePeriod', why);
    }
    return { ...threshold, patienceMs };
  });
  return {
    thresholds: [...hard, ...soft].map(withReclaim),
    podGraceMs: texts.maxPodGracePeriodSeconds * 1000,
    transitionMs: within('pressureTransitionPeriod', () => durationMs(texts.pressureTransitionPeriod, 'a duration')),
  };
}

/** `memory.available<100Mi,nodefs.available<5%`. Throws with what is wrong about it. */
export function parseThresholds(text: string): readonly Threshold[] {
  return parsed(text, '<', parseAmount).map(([signal, below]): Threshold => ({ signal, below }));
}

/** `memory.available=1m30s,nodefs.available=2m`. */
const parsePairs = <T>(text: string, of: (value: string) => T): ReadonlyMap<SignalName, T> =>
  new Map(parsed(text, '=', of));

function parsed<T>(text: string, sign: string, of: (value: string) => T): readonly (readonly [SignalName, T])[] {
  const parts = text.split(',').filter((part) => part.trim() !== '');
  return parts.map((part) => {
    const [signal = '', value = ''] = part.split(sign).map((word) => word.trim());
    const known = signalNames.find((name) => name === signal);
    if (!known) throw new Error(`${JSON.stringify(signal)} is no signal; these are: ${signalNames.join(', ')}`);
    try {
      return [known, of(value)] as const;
    } catch (cause) {
      throw new Error(`${signal}: ${(cause as Error).message}`, { cause });
    }
  });
}

function parseAmount(value: string): Amount {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(value)?.[1];
  if (percent !== undefined) return { percent: Number(percent) };
  try {
    return { amount: quantityBytes(value) };
  } catch (cause) {
    throw new Error(`${JSON.stringify(value)} is neither an amount such as 100Mi nor a share such as 5%`, { cause });
  }
}

function durationMs(value: string, what: string): Millis {
  const nanos = parseDuration(value);
  if (nanos !== undefined && nanos >= 0n) return Number(nanos / 1_000_000n);
  throw new Error(`${JSON.stringify(value)} is not ${what} such as 1m30s`);
}

function within<T>(setting: keyof EvictionTexts, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new EvictionSettingError(setting, (cause as Error).message);
  }
}
