import { changed, filled, type Part, partOf, partsOf, textOf } from './defaulting.ts';
import type { HorizontalPodAutoscaler } from './horizontal-pod-autoscaler.ts';

// autoscaling/v1 knows the share of the CPU alone. What the second version knows beyond that travels in annotations,
// in the words that the first version had for it.

const prefix = 'autoscaling.alpha.kubernetes.io/';
const notes = {
  metrics: 'metrics',
  behavior: 'behavior',
  conditions: 'conditions',
  current: 'current-metrics',
} as const;
const usualPercent = 80;

export const cpuMetric = (percent: unknown = usualPercent): Part => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: percent } },
});

/** The first version as the second sees it. */
export function toSecondVersion(scaler: HorizontalPodAutoscaler): HorizontalPodAutoscaler {
  const { targetCPUUtilizationPercentage: target, ...spec } = partOf(scaler.spec);
  const { currentCPUUtilizationPercentage: current, ...status } = partOf(scaler.status);
  const noted = (name: string): unknown => parsed(scaler.metadata.annotations?.[prefix + name]);
  const others = listOf(noted(notes.metrics)).map((metric) => metricFrom(metric, specWords));
  const metrics = [...(target === undefined ? [] : [cpuMetric(target)]), ...others];
  const behavior = noted(notes.behavior);
  const measured = listOf(noted(notes.current)).map((metric) => metricFrom(metric, statusWords));
  const cpu = { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: current } } };
  const currents = [...(current === undefined ? [] : [cpu]), ...measured];
  const conditions = listOf(noted(notes.conditions));
  return {
    ...scaler,
    apiVersion: 'autoscaling/v2',
    metadata: withNotes(scaler.metadata, {}),
    spec: {
      ...spec,
      // Which of the two was meant can be told here alone, so here the usual share is filled in.
      metrics: metrics.length > 0 ? metrics : [cpuMetric()],
      ...(behavior ? { behavior } : {}),
    },
    status: {
      ...status,
      currentMetrics: currents.length > 0 ? currents : null,
      ...(conditions.length > 0 ? { conditions } : {}),
    },
  };
}

/** The second version as the first sees it. */
export function toFirstVersion(scaler: HorizontalPodAutoscaler): HorizontalPodAutoscaler {
  const { metrics, behavior, ...spec } = partOf(scaler.spec);
  const { currentMetrics, conditions, ...status } = partOf(scaler.status);
  const cpu = partsOf(metrics).find(isCpuShare);
  const target = partOf(partOf(cpu?.resource).target).averageUtilization;
  const current = partsOf(currentMetrics).find(isCurrentCpuShare);
  const percent = partOf(partOf(current?.resource).current).averageUtilization;
  const noted = {
    [notes.metrics]: textOfList(
      partsOf(metrics).filter((metric) => metric !== cpu),
      specWords,
    ),
    [notes.current]: textOfList(
      partsOf(currentMetrics).filter((metric) => metric !== current),
      statusWords,
    ),
    [notes.conditions]: partsOf(conditions).length > 0 ? JSON.stringify(conditions) : undefined,
    [notes.behavior]: behavior ? JSON.stringify(behavior) : undefined,
  };
  return {
    ...scaler,
    apiVersion: 'autoscaling/v1',
    metadata: withNotes(scaler.metadata, noted),
    spec: filled(spec, { targetCPUUtilizationPercentage: target }),
    status: filled(status, { currentReplicas: 0, desiredReplicas: 0, currentCPUUtilizationPercentage: percent }),
  };
}

const isCpuShare = (metric: Part): boolean => {
  const { name, target } = partOf(metric.resource);
  return metric.type === 'Resource' && name === 'cpu' && partOf(target).averageUtilization !== undefined;
};
const isCurrentCpuShare = (metric: Part): boolean => {
  const { name, current } = partOf(metric.resource);
  return metric.type === 'Resource' && name === 'cpu' && partOf(current).averageUtilization !== undefined;
};

function withNotes(
  metadata: HorizontalPodAutoscaler['metadata'],
  noted: Readonly<Record<string, string | undefined>>,
): HorizontalPodAutoscaler['metadata'] {
  const { annotations: given, ...rest } = metadata;
  const ours = new Set<string>(Object.values(notes).map((name) => prefix + name));
  const kept = Object.entries(given ?? {}).filter(([name]) => !ours.has(name));
  const added = Object.entries(noted).flatMap(([name, text]) => (text === undefined ? [] : [[prefix + name, text]]));
  const annotations = Object.fromEntries([...kept, ...added]) as Record<string, string>;
  return Object.keys(annotations).length > 0 ? { ...rest, annotations } : rest;
}

/** What the two versions call the same: the first says it flat, the second inside `metric`, `target` and `current`. */
interface Words {
  readonly outer: 'target' | 'current';
  readonly value: string;
  readonly averageValue: string;
  readonly averageUtilization: string;
}
const specWords: Words = {
  outer: 'target',
  value: 'targetValue',
  averageValue: 'targetAverageValue',
  averageUtilization: 'targetAverageUtilization',
};
const statusWords: Words = {
  outer: 'current',
  value: 'currentValue',
  averageValue: 'currentAverageValue',
  averageUtilization: 'currentAverageUtilization',
};
const sources = ['object', 'pods', 'resource', 'containerResource', 'external'];
const selectorWord = (source: string): string => (source === 'external' ? 'metricSelector' : 'selector');
/** An object's average is called plainly so in both versions. */
const averageWord = (source: string, words: Words): string =>
  source === 'object' ? 'averageValue' : words.averageValue;

function metricFrom(metric: Part, words: Words): Part {
  return sources.reduce((whole, source) => changed(whole, source, (old) => sourceFrom(source, old, words)), metric);
}

function sourceFrom(source: string, old: Part, words: Words): Part {
  const value = old[words.value];
  const averageValue = old[averageWord(source, words)];
  const averageUtilization = old[words.averageUtilization];
  const type = averageUtilization !== undefined ? 'Utilization' : averageValue !== undefined ? 'AverageValue' : 'Value';
  const amounts = filled(words.outer === 'target' ? { type } : {}, { value, averageValue, averageUtilization });
  const named = source === 'resource' || source === 'containerResource';
  return filled(named ? filled({ name: old.name }, { container: old.container }) : { metric: metricOf(old, source) }, {
    [words.outer]: amounts,
    describedObject: source === 'object' ? old.target : undefined,
  });
}
const metricOf = (old: Part, source: string): Part =>
  filled({ name: old.metricName }, { selector: old[selectorWord(source)] });

function metricTo(metric: Part, words: Words): Part {
  return sources.reduce((whole, source) => changed(whole, source, (now) => sourceTo(source, now, words)), metric);
}

function sourceTo(source: string, now: Part, words: Words): Part {
  const { value, averageValue, averageUtilization } = partOf(now[words.outer]);
  const { name, selector } = partOf(now.metric);
  return filled(
    {},
    {
      ...(source === 'object' ? { target: now.describedObject } : {}),
      name: now.name,
      container: now.container,
      metricName: name,
      [selectorWord(source)]: selector,
      [words.averageUtilization]: averageUtilization,
      [averageWord(source, words)]: averageValue,
      // Upstream's first version always says the value of an object, zero where only an average is wanted.
      [words.value]: value ?? (source === 'object' ? '0' : undefined),
    },
  );
}

const textOfList = (metrics: readonly Part[], words: Words): string | undefined =>
  metrics.length > 0 ? JSON.stringify(metrics.map((metric) => metricTo(metric, words))) : undefined;

/** What stands in an annotation may be anything; what is no JSON counts as nothing. */
function parsed(text: string | undefined): unknown {
  if (text === undefined || text === '') return undefined;
  try {
    return JSON.parse(textOf(text));
  } catch {
    return undefined;
  }
}
const listOf = (value: unknown): readonly Part[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'object' && item !== null) : [];
