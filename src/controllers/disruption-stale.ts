import { conditionOf, type Pod, pods as podKind } from '../api/kinds/pod.ts';
import { type Key, keyOf } from '../api/object.ts';
import type { Instant } from '../base/env.ts';
import type { Json } from '../base/json.ts';
import { parseTime, timestamp } from '../base/text.ts';
import { act } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';

const disruptionTarget = 'DisruptionTarget';
const staleAfterMs = 120_000;

/** Takes the mark off pods that were to be disrupted and never were: whoever wanted to has given up. */
export class StaleDisruptionController implements Controller<Pod> {
  readonly name = 'stale-disruption-controller';
  readonly #pods: Cache<Pod>;

  constructor(pods: Cache<Pod>) {
    this.#pods = pods;
  }

  sources(): readonly Source[] {
    return [source(this.#pods, (pod) => (isMarked(pod) ? [keyOf(pod)] : []))];
  }

  observe(key: Key): Pod | undefined {
    const pod = this.#pods.get(key);
    return pod && isMarked(pod) ? pod : undefined;
  }

  plan(pod: Pod, now: Instant): Plan {
    const since = conditionOf(pod, disruptionTarget)?.lastTransitionTime;
    if (!since) return nothing;
    const left = parseTime(since) + staleAfterMs - now;
    if (left > 0) return { actions: [], again: left };
    const { uid, generation } = pod.metadata;
    const observedGeneration = pod.status?.observedGeneration === undefined ? undefined : generation;
    const cleared = {
      type: disruptionTarget,
      status: 'False',
      lastTransitionTime: timestamp(now),
      ...(observedGeneration === undefined ? {} : { observedGeneration }),
    };
    const patch: Json = { metadata: { uid }, status: { conditions: [cleared] } };
    const how = { verb: 'patch', type: 'strategic-merge', subresource: 'status' } as const;
    return { actions: [[act({ ...how, kind: podKind, key: keyOf(pod), patch })]] };
  }
}

const isMarked = (pod: Pod): boolean =>
  pod.metadata.deletionTimestamp === undefined && conditionOf(pod, disruptionTarget)?.status === 'True';
