import type { ApiError } from '../api/error.ts';
import { mapOf, type Part, partOf, partsOf, textOf } from '../api/kinds/defaulting.ts';
import { conditionOf, type Pod } from '../api/kinds/pod.ts';
import { quantityMillis } from '../api/quantity.ts';
import type { Instant, Millis } from '../base/env.ts';
import { parseTime } from '../base/text.ts';
import type { Answer } from '../machinery/controller.ts';
import { metricSource } from './autoscaler-questions.ts';

/** So far from its target a metric may be without anything being done. */
const toleranceDefault = 0.1;
const initializationMs: Millis = 5 * 60_000;
const firstReadinessMs: Millis = 30_000;

export interface Judged {
  /** What the metric calls for, or why nobody knows. */
  readonly replicas?: number;
  readonly name: string;
  readonly status?: Part;
  readonly failure?: { readonly reason: string; readonly message: string; readonly told: string };
}
export interface MetricSetting {
  readonly pods: readonly Pod[];
  /** As the scale has it: what is wished, and what is there. */
  readonly wished: number;
  readonly there: number;
  readonly now: Instant;
  readonly tolerances: { readonly up: number; readonly down: number };
}

export const tolerancesOf = (behavior: Part): MetricSetting['tolerances'] => ({
  up: toleranceOf(partOf(behavior.scaleUp).tolerance),
  down: toleranceOf(partOf(behavior.scaleDown).tolerance),
});
const toleranceOf = (text: unknown): number =>
  text === undefined ? toleranceDefault : quantityMillis(textOf(text)) / 1000;

/** How many pods one metric calls for. */
export function judge(metric: Part, answer: Answer | undefined, setting: MetricSetting): Judged {
  const type = textOf(metric.type);
  const source = partOf(metric[metricSource(type)]);
  const target = partOf(source.target);
  try {
    if (type === 'Resource' || type === 'ContainerResource') return judgeResource(type, source, { answer, setting });
    const values = valuesOf(answer, type, source);
    if (type === 'Pods') return judgePods(source, values, setting);
    return judgeWhole(type, source, { values, target, setting });
  } catch (error) {
    if (!(error instanceof MetricError)) throw error;
    return { name: '', failure: failureOf(type, source, error.message) };
  }
}

class MetricError extends Error {}

function failureOf(type: string, source: Part, why: string): NonNullable<Judged['failure']> {
  const resource = textOf(source.name);
  const name = textOf(partOf(source.metric).name);
  const asked = partOf(source.target).averageUtilization === undefined ? 'usage' : 'utilization';
  const [told, what] = {
    Resource: [`failed to get ${resource} ${asked}: ${why}`, `${resource} resource metric value`],
    ContainerResource: [`failed to get ${resource} ${asked}: ${why}`, `${resource} container metric value`],
    Pods: [`unable to get metric ${name}: ${why}`, 'pods metric value'],
    Object: [`unable to get metric ${name}: ${why}`, 'object metric value'],
    External: [`unable to get external metric ${name}: ${why}`, `${name} external metric value`],
  }[type] ?? [why, 'metric value'];
  return { reason: `FailedGet${type}Metric`, message: `failed to get ${what}: ${told}`, told: told as string };
}

interface Measured {
  readonly value: number;
  readonly at: number;
  readonly windowMs: Millis;
}

function judgeResource(
  type: string,
  source: Part,
  { answer, setting }: { readonly answer: Answer | undefined; readonly setting: MetricSetting },
): Judged {
  const resource = textOf(source.name);
  const container = type === 'ContainerResource' ? textOf(source.container) : undefined;
  const { averageUtilization, averageValue } = partOf(source.target);
  const measured = podMetrics(answer, resource, container);
  const key = metricSource(type);
  const shared = { name: resource, ...(container ? { container } : {}) };
  if (averageUtilization === undefined) {
    const wanted = quantityMillis(textOf(averageValue));
    const found = plain({ measured, resource, setting, ratioOf: (values) => mean(values) / wanted });
    const current = { averageValue: milliText(mean(found.values)) };
    const name = container ? `${resource} container resource` : `${resource} resource`;
    return { name, replicas: found.replicas, status: { type, [key]: { ...shared, current } } };
  }
  const wanted = Number(averageUtilization);
  const requests = new Map(setting.pods.map((pod) => [pod.metadata.name, requestMillis(pod, resource, container)]));
  const utilization = (values: ReadonlyMap<string, number>) => {
    const names = [...values.keys()];
    const asked = names.reduce((sum, name) => sum + (requests.get(name) ?? 0), 0);
    if (asked === 0) throw new MetricError('no metrics returned matched known pods');
    return Math.trunc((sumOf(values) * 100) / asked);
  };
  const assumed = (name: string) => ((requests.get(name) ?? 0) * Math.max(100, wanted)) / 100;
  const found = plain({ measured, resource, setting, assumed, ratioOf: (values) => utilization(values) / wanted });
  const current = { averageUtilization: utilization(found.values), averageValue: milliText(mean(found.values)) };
  const kind = container ? 'container resource' : 'resource';
  const name = `${resource} ${kind} utilization (percentage of request)`;
  return { name, replicas: found.replicas, status: { type, [key]: { ...shared, current } } };
}

function judgePods(source: Part, values: readonly Part[], setting: MetricSetting): Judged {
  const wanted = quantityMillis(textOf(partOf(source.target).averageValue));
  const measured = new Map(
    values.map((item): [string, Measured] => {
      const at = Date.parse(textOf(item.timestamp));
      const windowMs = Number(item.windowSeconds ?? 60) * 1000;
      return [textOf(partOf(item.describedObject).name), { value: quantityMillis(textOf(item.value)), at, windowMs }];
    }),
  );
  const found = plain({ measured, resource: '', setting, ratioOf: (known) => mean(known) / wanted });
  const metric = partOf(source.metric);
  const status = { type: 'Pods', pods: { metric, current: { averageValue: milliText(mean(found.values)) } } };
  return { name: `pods metric ${textOf(metric.name)}`, replicas: found.replicas, status };
}

/** One value for all pods together: of an object, or of something outside. */
function judgeWhole(
  type: string,
  source: Part,
  about: { readonly values: readonly Part[]; readonly target: Part; readonly setting: MetricSetting },
): Judged {
  const { values, target, setting } = about;
  const metric = partOf(source.metric);
  const usage = values.reduce((sum, item) => sum + quantityMillis(textOf(item.value)), 0);
  const isAverage = target.averageValue !== undefined;
  const wanted = quantityMillis(textOf(isAverage ? target.averageValue : target.value));
  const ratio = isAverage ? usage / (wanted * setting.there) : usage / wanted;
  const ready = setting.pods.filter((pod) => conditionOf(pod, 'Ready')?.status === 'True').length;
  const replicas = isNear(ratio, setting)
    ? isAverage
      ? setting.there
      : setting.wished
    : Math.ceil(isAverage ? usage / wanted : ratio * ready);
  const current = isAverage
    ? { averageValue: milliText(setting.there > 0 ? usage / setting.there : 0) }
    : { value: milliText(usage) };
  const key = metricSource(type);
  const described = type === 'Object' ? { describedObject: source.describedObject } : {};
  const { kind } = partOf(source.describedObject);
  const name =
    type === 'Object' ? `${textOf(kind)} metric ${textOf(metric.name)}` : `external metric ${textOf(metric.name)}`;
  return { name, replicas, status: { type, [key]: { metric, ...described, current } } };
}

const isNear = (ratio: number, { tolerances }: MetricSetting): boolean =>
  ratio >= 1 - tolerances.down - 1e-9 && ratio <= 1 + tolerances.up + 1e-9;

interface Plain {
  readonly measured: ReadonlyMap<string, Measured>;
  readonly resource: string;
  readonly setting: MetricSetting;
  ratioOf(values: ReadonlyMap<string, number>): number;
  /** What a pod is believed to use that nobody has measured, where that would make fewer. */
  assumed?(name: string): number;
}

/** Upstream's reckoning: pods that are not ready yet, or were not measured, must not tip it in either direction. */
function plain({ measured, resource, setting, ratioOf, assumed }: Plain): {
  readonly replicas: number;
  readonly values: ReadonlyMap<string, number>;
} {
  const { pods, wished } = setting;
  if (pods.length === 0) throw new MetricError('no pods returned by selector while calculating replica count');
  const { ready, unready, missing } = sorted(pods, measured, { resource, now: setting.now });
  const values = new Map(ready.map((name) => [name, measured.get(name)?.value ?? 0]));
  if (values.size === 0) {
    throw new MetricError('did not receive metrics for targeted pods (pods might be unready)');
  }
  const ratio = ratioOf(values);
  const upWithUnready = unready.length > 0 && ratio > 1;
  if (!upWithUnready && missing.length === 0) {
    return { replicas: isNear(ratio, setting) ? wished : Math.ceil(ratio * ready.length), values };
  }
  const filled = new Map(values);
  if (ratio < 1) for (const name of missing) filled.set(name, assumed?.(name) ?? mean(values) / ratio);
  else if (ratio > 1) for (const name of missing) filled.set(name, 0);
  if (upWithUnready) for (const name of unready) filled.set(name, 0);
  const next = ratioOf(filled);
  if (isNear(next, setting) || (ratio < 1 && next > 1) || (ratio > 1 && next < 1)) return { replicas: wished, values };
  const replicas = Math.ceil(next * filled.size);
  const turned = (next < 1 && replicas > wished) || (next > 1 && replicas < wished);
  return { replicas: turned ? wished : replicas, values };
}

function sorted(
  pods: readonly Pod[],
  measured: ReadonlyMap<string, Measured>,
  { resource, now }: { readonly resource: string; readonly now: Instant },
) {
  const ready: string[] = [];
  const unready: string[] = [];
  const missing: string[] = [];
  for (const pod of pods) {
    const { name, deletionTimestamp } = pod.metadata;
    if (deletionTimestamp !== undefined || pod.status?.phase === 'Failed') continue;
    const found = measured.get(name);
    if (pod.status?.phase === 'Pending') unready.push(name);
    else if (!found) missing.push(name);
    else if (resource === 'cpu' && isStarting(pod, found, now)) unready.push(name);
    else ready.push(name);
  }
  return { ready, unready, missing };
}

/** What a pod uses while it starts says nothing about what it will use. */
function isStarting(pod: Pod, { at, windowMs }: Measured, now: Instant): boolean {
  const condition = conditionOf(pod, 'Ready');
  const started = pod.status?.startTime;
  if (!condition || !started) return true;
  const since = parseTime(condition.lastTransitionTime ?? started);
  if (parseTime(started) + initializationMs > now) return condition.status === 'False' || at < since + windowMs;
  return condition.status === 'False' && parseTime(started) + firstReadinessMs > since;
}

function podMetrics(
  answer: Answer | undefined,
  resource: string,
  container: string | undefined,
): ReadonlyMap<string, Measured> {
  const fetched = found(
    answer,
    'get pods.metrics.k8s.io',
    `unable to get metrics for resource ${resource}: unable to fetch metrics from resource metrics API: `,
  );
  const items = partsOf(partOf(fetched).items);
  if (items.length === 0) {
    throw new MetricError(
      `unable to get metrics for resource ${resource}: no metrics returned from resource metrics API`,
    );
  }
  return new Map(
    items.flatMap((item): readonly [string, Measured][] => {
      const containers = partsOf(item.containers).filter(({ name }) => container === undefined || name === container);
      const usages = containers.map(({ usage }) => mapOf(usage)[resource]);
      if (usages.length === 0 || usages.some((usage) => usage === undefined)) return [];
      const value = usages.reduce<number>((sum, usage) => sum + quantityMillis(usage ?? '0'), 0);
      const windowMs = Number.parseFloat(textOf(item.window) || '60') * 1000;
      const measured = { value, at: Date.parse(textOf(item.timestamp)), windowMs };
      return [[textOf(partOf(item.metadata).name), measured]];
    }),
  );
}

function valuesOf(answer: Answer | undefined, type: string, source: Part): readonly Part[] {
  const name = textOf(partOf(source.metric).name);
  const api = type === 'External' ? 'external metrics API' : 'custom metrics API';
  const prefix = `unable to fetch metrics from ${api}: `;
  const items = partsOf(partOf(found(answer, `get ${name}`, prefix)).items);
  if (items.length === 0) throw new MetricError(`no metrics returned from ${api}`);
  return items;
}

function found(answer: Answer | undefined, what: string, prefix: string): unknown {
  if (answer && 'found' in answer) return answer.found;
  const error: ApiError | undefined = answer?.error;
  const isMissing = error === undefined || error.reason === 'NotFound';
  throw new MetricError(
    prefix + (isMissing ? `the server could not find the requested resource (${what})` : error.message),
  );
}

function requestMillis(pod: Pod, resource: string, only: string | undefined): number {
  const sidecars = (pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const containers = [...pod.spec.containers, ...sidecars].filter(({ name }) => only === undefined || name === only);
  return containers.reduce((sum, { name, resources }) => {
    const text = mapOf(partOf(resources).requests)[resource];
    if (text === undefined) {
      throw new MetricError(`missing request for ${resource} in container ${name} of Pod ${pod.metadata.name}`);
    }
    return sum + quantityMillis(text);
  }, 0);
}

const sumOf = (values: ReadonlyMap<string, number>): number => [...values.values()].reduce((sum, one) => sum + one, 0);
const mean = (values: ReadonlyMap<string, number>): number => (values.size === 0 ? 0 : sumOf(values) / values.size);
function milliText(millis: number): string {
  const whole = Math.trunc(millis);
  return whole % 1000 === 0 ? String(whole / 1000) : `${whole}m`;
}
