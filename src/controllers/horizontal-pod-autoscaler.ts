import { type Kind, pathOf, resourceText } from '../api/kind.ts';
import { type Part, partOf, partsOf, textOf } from '../api/kinds/defaulting.ts';
import { type HorizontalPodAutoscaler, horizontalPodAutoscalers } from '../api/kinds/horizontal-pod-autoscaler.ts';
import type { Pod } from '../api/kinds/pod.ts';
import { type Key, keyOf } from '../api/object.ts';
import { parseLabelSelector } from '../api/selector.ts';
import type { Instant, Millis, Random } from '../base/env.ts';
import { canonicalJson, type Json } from '../base/json.ts';
import { parseTime, timestamp } from '../base/text.ts';
import { act, type Notice } from '../client/action.ts';
import { byNamespace, type Cache } from '../machinery/cache.ts';
import {
  type Answer,
  type Controller,
  nothing,
  type Plan,
  type Question,
  type Refusal,
  type Source,
  source,
} from '../machinery/controller.ts';
import type { KindCaches } from '../machinery/kind-caches.ts';
import { type Bounds, type History, limit, type Told } from './autoscaler-limits.ts';
import { type Judged, judge, tolerancesOf } from './autoscaler-metrics.ts';
import { questionAbout } from './autoscaler-questions.ts';
import { statusPatch } from './status-patch.ts';
import { type Timing, timings } from './timing.ts';

const historyMs: Millis = 3_600_000;

export interface ScalerObserved {
  readonly scaler: HorizontalPodAutoscaler;
  readonly target: Kind | undefined;
  /** All pods of its namespace: those of the target are known once its scale is. */
  readonly pods: readonly Pod[];
}
interface Past extends History {
  readonly lookedAt: Instant;
  readonly spec: string;
}
interface Outcome {
  readonly told: readonly Told[];
  readonly events: readonly Notice[];
  readonly status: Part;
  readonly rescaled?: number;
}

/** Keeps as many pods as their metrics call for. */
export class HorizontalPodAutoscalerController implements Controller<ScalerObserved> {
  readonly name = 'horizontal-pod-autoscaler';
  readonly #scalers: Cache<HorizontalPodAutoscaler>;
  readonly #pods: Cache<Pod>;
  readonly #kinds: Pick<KindCaches, 'all'>;
  readonly #periodMs: Millis;
  readonly #past = new Map<string, Past>();

  constructor(
    caches: { readonly scalers: Cache<HorizontalPodAutoscaler>; readonly pods: Cache<Pod> },
    kinds: Pick<KindCaches, 'all'>,
    { autoscalerMs }: Pick<Timing, 'autoscalerMs'> = timings.upstream,
  ) {
    this.#scalers = caches.scalers;
    this.#pods = caches.pods.index('namespace', byNamespace);
    this.#kinds = kinds;
    this.#periodMs = autoscalerMs;
  }

  sources(): readonly Source[] {
    return [source(this.#scalers, (scaler) => [keyOf(scaler)])];
  }

  observe(key: Key): ScalerObserved | undefined {
    const scaler = this.#scalers.get(key);
    if (!scaler || scaler.metadata.deletionTimestamp !== undefined) return undefined;
    const target = this.#kindOf(partOf(partOf(scaler.spec).scaleTargetRef));
    return { scaler, target, pods: this.#pods.by('namespace', key.namespace) };
  }

  #kindOf({ apiVersion, kind }: Part): Kind | undefined {
    const text = textOf(apiVersion);
    const group = text.includes('/') ? text.slice(0, text.indexOf('/')) : '';
    return this.#kinds.all().find((cache) => cache.kind.kind === kind && cache.kind.group === group)?.kind;
  }

  /** A change of the wish is looked at at once, everything else in its time; the first look is after one period. */
  #waits({ metadata, spec }: HorizontalPodAutoscaler, now: Instant): Millis {
    const past = this.#past.get(metadata.uid);
    if (!past) return Math.max(0, parseTime(metadata.creationTimestamp) + this.#periodMs - now);
    if (past.spec !== canonicalJson(spec as Json)) return 0;
    return past.lookedAt + this.#periodMs - now;
  }

  wants({ scaler, target }: ScalerObserved, now: Instant): readonly Question[] {
    if (!target || this.#waits(scaler, now) > 0) return [];
    const { namespace = '' } = scaler.metadata;
    const name = textOf(partOf(partOf(scaler.spec).scaleTargetRef).name);
    return [{ path: pathOf(target, namespace, name, 'scale') }];
  }

  wantsMore({ scaler }: ScalerObserved, [scale]: readonly Answer[]): readonly Question[] {
    if (!scale || 'error' in scale) return [];
    const selector = textOf(partOf(partOf(scale.found).status).selector);
    const { namespace = '' } = scaler.metadata;
    const pluralOf = (ref: Part) => {
      const kind = this.#kindOf(ref);
      return kind ? `${kind.plural}${kind.group ? `.${kind.group}` : ''}` : textOf(ref.kind).toLowerCase();
    };
    return partsOf(partOf(scaler.spec).metrics).map((metric) => questionAbout(metric, namespace, selector, pluralOf));
  }

  plan(observed: ScalerObserved, now: Instant, _random: Random, answers: readonly Answer[] = []): Plan {
    const { scaler, target } = observed;
    const left = this.#waits(scaler, now);
    if (left > 0) return { actions: [], again: left };
    const { uid } = scaler.metadata;
    const spec = canonicalJson(scaler.spec as Json);
    const before = this.#past.get(uid) ?? { recommended: [], ups: [], downs: [] };
    const past: Past = { ...recent(before, now), lookedAt: now, spec };
    this.#past.set(uid, past);
    const [scale, ...metrics] = answers;
    const ref = partOf(partOf(scaler.spec).scaleTargetRef);
    if (!target || !scale || 'error' in scale) {
      const why = unscalable(ref, target, scale);
      const condition = no(
        'AbleToScale',
        'FailedGetScale',
        `the HPA controller was unable to get the target's current scale: ${why}`,
      );
      return this.#written(scaler, now, {
        told: [condition],
        events: [warning(scaler, 'FailedGetScale', why)],
        status: {},
      });
    }
    const outcome = this.#decide(observed, { scale: partOf(scale.found), metrics, now, past });
    const plan = this.#written(scaler, now, outcome);
    if (outcome.rescaled === undefined) return plan;
    const key = { namespace: scaler.metadata.namespace ?? '', name: textOf(ref.name) };
    const patch = { spec: { replicas: outcome.rescaled } };
    return {
      ...plan,
      actions: [[act({ verb: 'patch', kind: target, key, patch, subresource: 'scale' })], ...plan.actions],
    };
  }

  #decide(
    { scaler, pods }: ScalerObserved,
    about: { readonly scale: Part; readonly metrics: readonly Answer[]; readonly now: Instant; readonly past: Past },
  ): Outcome {
    const { scale, metrics, now, past } = about;
    const spec = partOf(scaler.spec);
    const current = Number(partOf(scale.spec).replicas ?? 0);
    const least = Number(spec.minReplicas ?? 1);
    const most = Number(spec.maxReplicas ?? 1);
    const got = yes(
      'AbleToScale',
      'SucceededGetScale',
      "the HPA controller was able to get the target's current scale",
    );
    const base = { currentReplicas: current };
    if (current === 0 && least !== 0) {
      const message = 'scaling is disabled since the replica count of the target is zero';
      return {
        told: [got, no('ScalingActive', 'ScalingDisabled', message)],
        events: [],
        status: { ...base, desiredReplicas: 0 },
      };
    }
    if (current > most)
      return this.#rescaled(scaler, now, {
        from: current,
        to: most,
        why: 'Current number of replicas above Spec.MaxReplicas',
        told: [],
      });
    if (current < least)
      return this.#rescaled(scaler, now, {
        from: current,
        to: least,
        why: 'Current number of replicas below Spec.MinReplicas',
        told: [],
      });
    return this.#measured({ scaler, pods, got, bounds: { least, most, current, now } }, { scale, metrics, past });
  }

  /** Within its bounds the metrics decide, as far as they are known. */
  #measured(
    {
      scaler,
      pods,
      got,
      bounds,
    }: {
      readonly scaler: HorizontalPodAutoscaler;
      readonly pods: readonly Pod[];
      readonly got: Told;
      readonly bounds: Bounds;
    },
    { scale, metrics, past }: { readonly scale: Part; readonly metrics: readonly Answer[]; readonly past: Past },
  ): Outcome {
    const { current, now } = bounds;
    const spec = partOf(scaler.spec);
    const base = { currentReplicas: current };
    const selector = textOf(partOf(scale.status).selector);
    const behavior = spec.behavior === undefined ? undefined : partOf(spec.behavior);
    const matches = selector === '' ? () => false : parseLabelSelector(selector);
    const setting = {
      pods: pods.filter(({ metadata }) => matches(metadata.labels)),
      wished: current,
      there: Number(partOf(scale.status).replicas ?? 0),
      now,
      tolerances: tolerancesOf(behavior ?? {}),
    };
    const judged = partsOf(spec.metrics).map((metric, at) => judge(metric, metrics[at], setting));
    const statuses = judged.map(({ status }) => status ?? { type: '' });
    const failed = judged.flatMap(({ failure }) => (failure ? [failure] : []));
    const best = highest(judged);
    const [first] = failed;
    if (first && (best === undefined || (best.replicas ?? 0) < current)) {
      const message = `invalid metrics (${failed.length} invalid out of ${judged.length}), first error is: ${first.message}`;
      const condition = no(
        'ScalingActive',
        first.reason,
        `the HPA was unable to compute the replica count: ${first.told}`,
      );
      const events = [
        ...failed.map(({ reason, told }) => warning(scaler, reason, told)),
        warning(scaler, 'FailedComputeMetricsReplicas', message),
      ];
      return { told: [got, condition], events, status: { ...base, currentMetrics: statuses } };
    }
    const wanted = best?.replicas ?? current;
    const name = best?.name ?? '';
    const active = yes(
      'ScalingActive',
      'ValidMetricFound',
      `the HPA was able to successfully calculate a replica count from ${name}`,
    );
    const history = { ...past, recommended: [...past.recommended, { at: now, replicas: wanted }] };
    this.#past.set(scaler.metadata.uid, history);
    const { replicas, told } = limit(wanted, past, bounds, behavior);
    const events = failed.map(({ reason, told: why }) => warning(scaler, reason, why));
    const conditions = [got, active, ...told];
    if (replicas === current)
      return { told: conditions, events, status: { ...base, desiredReplicas: replicas, currentMetrics: statuses } };
    const why = wanted > current ? `${name} above target` : 'All metrics below target';
    const outcome = this.#rescaled(scaler, now, { from: current, to: replicas, why, told: conditions });
    return {
      ...outcome,
      events: [...events, ...outcome.events],
      status: { ...outcome.status, currentMetrics: statuses },
    };
  }

  #rescaled(
    scaler: HorizontalPodAutoscaler,
    now: Instant,
    change: { readonly from: number; readonly to: number; readonly why: string; readonly told: readonly Told[] },
  ): Outcome {
    const { from, to, why, told } = change;
    const past = this.#past.get(scaler.metadata.uid);
    const moment = { at: now, replicas: Math.abs(to - from) };
    if (past) {
      const more = to > from ? { ups: [...past.ups, moment] } : { downs: [...past.downs, moment] };
      this.#past.set(scaler.metadata.uid, { ...past, ...more });
    }
    const able = yes(
      'AbleToScale',
      'SucceededRescale',
      `the HPA controller was able to update the target scale to ${to}`,
    );
    const message = `New size: ${to}; reason: ${why}`;
    return {
      told: [able, ...told.filter(({ type }) => type !== 'AbleToScale')],
      events: [{ verb: 'event', about: scaler, reason: 'SuccessfulRescale', message }],
      status: { currentReplicas: from, desiredReplicas: to, lastScaleTime: timestamp(now) },
      rescaled: to,
    };
  }

  /** The server did not take the new scale. */
  refused({ scaler }: ScalerObserved, { action, error }: Refusal, now: Instant): Plan {
    if (action.verb !== 'patch' || action.subresource !== 'scale') return nothing;
    const { replicas } = partOf(partOf(action.patch).spec);
    const condition = no(
      'AbleToScale',
      'FailedUpdateScale',
      `the HPA controller was unable to update the target scale: ${error.message}`,
    );
    const event = warning(scaler, 'FailedRescale', `New size: ${textOf(replicas)}; reason: ; error: ${error.message}`);
    return this.#written(scaler, now, { told: [condition], events: [event], status: {} });
  }

  #written(scaler: HorizontalPodAutoscaler, now: Instant, { told, events, status }: Outcome): Plan {
    const before = partOf(scaler.status);
    const next = {
      currentMetrics: null,
      desiredReplicas: 0,
      ...before,
      ...status,
      conditions: merged(partsOf(before.conditions), told, now),
    };
    const group = [...statusPatch(horizontalPodAutoscalers, scaler, next), ...events];
    return { actions: group.length > 0 ? [group] : [], again: this.#periodMs };
  }
}

const yes = (type: string, reason: string, message: string): Told => ({ type, status: 'True', reason, message });
const no = (type: string, reason: string, message: string): Told => ({ type, status: 'False', reason, message });
const warning = (about: HorizontalPodAutoscaler, reason: string, message: string): Notice => ({
  verb: 'event',
  about,
  type: 'Warning',
  reason,
  message,
});

/** Why the scale of the target is not known. */
function unscalable(ref: Part, target: Kind | undefined, scale: Answer | undefined): string {
  if (!target || !scale || !('error' in scale)) {
    return `no matches for kind "${textOf(ref.kind)}" in group "${textOf(ref.apiVersion).split('/')[0]}"`;
  }
  const { message, reason } = scale.error;
  return reason === 'NotFound' ? `${resourceText(target)} "${textOf(ref.name)}" not found` : message;
}

const highest = (judged: readonly Judged[]): Judged | undefined =>
  judged
    .filter(({ replicas }) => replicas !== undefined)
    .reduce<Judged | undefined>(
      (best, one) => (best && (best.replicas ?? 0) >= (one.replicas ?? 0) ? best : one),
      undefined,
    );

function recent({ recommended, ups, downs }: History, now: Instant): History {
  const kept = (moments: History['ups']) => moments.filter(({ at }) => at > now - historyMs);
  return { recommended: kept(recommended), ups: kept(ups), downs: kept(downs) };
}

/** Later words of one look stand over earlier ones; what was not judged stays as it was. */
function merged(before: readonly Part[], told: readonly Told[], now: Instant): readonly Part[] {
  const last = new Map(told.map((one) => [one.type, one]));
  const written = (one: Told) => {
    const old = before.find(({ type }) => type === one.type);
    const since = old?.status === one.status ? old.lastTransitionTime : timestamp(now);
    return { type: one.type, status: one.status, reason: one.reason, message: one.message, lastTransitionTime: since };
  };
  const kept = before.map((old) => {
    const one = last.get(textOf(old.type));
    return one ? written(one) : old;
  });
  const known = new Set(before.map(({ type }) => textOf(type)));
  return [...kept, ...[...last.values()].filter(({ type }) => !known.has(type)).map(written)];
}
