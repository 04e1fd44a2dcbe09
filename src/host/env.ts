import type { Env } from '../base/env.ts';
import { machineClock } from './clock.ts';
import { type CryptoKeys, type MachineCrypto, machineCrypto } from './crypto.ts';
import { jsonLog, type LogOptions } from './log.ts';
import { upstreamBuckets } from './metric-buckets.ts';
import { metricsRegistry, type Registry, type RegistryOptions } from './metrics.ts';
import { withProcessFigures } from './process-figures.ts';
import { machineRandom } from './random.ts';

export interface HostEnvOptions {
  readonly log?: LogOptions;
  readonly metrics?: RegistryOptions;
  readonly keys?: CryptoKeys;
  /** Only to repeat a run; otherwise every process draws its own. */
  readonly seed?: string;
}

/** Env, with what only the real world has: metrics to show and a key with a name. */
export interface HostEnv extends Env {
  readonly metrics: Registry;
  readonly crypto: MachineCrypto;
}

/** The real world. */
export function hostEnv(options: HostEnvOptions = {}): HostEnv {
  const metrics = { ...options.metrics, buckets: { ...upstreamBuckets, ...options.metrics?.buckets } };
  return {
    clock: machineClock,
    random: machineRandom(options.seed),
    log: jsonLog(options.log),
    metrics: withProcessFigures(metricsRegistry(metrics)),
    crypto: machineCrypto(options.keys),
  };
}
