import { ApiError } from '../../api/error.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Clock, Millis } from '../../base/env.ts';
import type { JsonObject } from '../../base/json.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { joinedReasons } from './refusal.ts';

const sourcesMax = 4_096;

/** So many events a second, and so many at once, of all, of one namespace, of one user or about one thing. */
export interface EventLimit {
  readonly type: 'Server' | 'Namespace' | 'User' | 'SourceAndObject';
  readonly qps: number;
  readonly burst: number;
  /** How many sources are remembered. */
  readonly cacheSize?: number;
}

/** Keeps one part that tells too much from filling the store. Off unless somebody wants it. */
export class EventRateLimit implements AdmissionPlugin {
  readonly name = 'EventRateLimit';
  readonly #clock: Clock;
  readonly #limits: readonly (readonly [EventLimit, Map<string, Bucket>])[];

  constructor(clock: Clock, limits: readonly EventLimit[]) {
    this.#clock = clock;
    this.#limits = limits.map((limit) => [limit, new Map()]);
  }

  validate(object: KubeObject | undefined, request: AdmissionRequest): void {
    const { kind, operation, dryRun } = request;
    if (!object || dryRun || kind.kind !== 'Event' || (operation !== 'CREATE' && operation !== 'UPDATE')) return;
    const now = this.#clock.monotonic();
    const reached = this.#limits.flatMap(([limit, buckets]) => {
      const key = keyOf(limit, object, request);
      return isTaken(limit, buckets, { key, now }) ? [] : [`limit reached on type ${limit.type} for key ${key}`];
    });
    if (reached.length > 0) throw new ApiError('TooManyRequests', joinedReasons(reached));
  }
}

function keyOf({ type }: EventLimit, object: KubeObject, { route, caller }: AdmissionRequest): string {
  if (type === 'Server') return '';
  if (type === 'Namespace') return route.namespace;
  if (type === 'User') return caller.name;
  const { source, involvedObject, regarding, reportingController } = object as unknown as JsonObject;
  const from = (source ?? { component: reportingController }) as JsonObject;
  const about = (involvedObject ?? regarding ?? {}) as JsonObject;
  const parts = [from.component, from.host, about.kind, about.namespace, about.name, about.uid, about.apiVersion];
  return parts.map((part) => (typeof part === 'string' ? part : '')).join('');
}

interface Bucket {
  tokens: number;
  at: Millis;
}

/** Who was not heard of for longest is forgotten first. */
function isTaken(
  { qps, burst, cacheSize = sourcesMax }: EventLimit,
  buckets: Map<string, Bucket>,
  { key, now }: { readonly key: string; readonly now: Millis },
): boolean {
  const before = buckets.get(key) ?? { tokens: burst, at: now };
  const tokens = Math.min(burst, before.tokens + ((now - before.at) * qps) / 1000);
  const taken = tokens >= 1;
  buckets.delete(key);
  buckets.set(key, { tokens: taken ? tokens - 1 : tokens, at: now });
  const [oldest] = buckets.keys();
  if (buckets.size > cacheSize && oldest !== undefined) buckets.delete(oldest);
  return taken;
}
