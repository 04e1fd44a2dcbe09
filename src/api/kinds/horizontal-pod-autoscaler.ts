import type { Instant } from '../../base/env.ts';
import type { Json } from '../../base/json.ts';
import type { Kind, KindRules } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { changed, filled, type Part, partOf, partsOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';

export interface HorizontalPodAutoscaler extends KubeObject<Part, Part> {}

const shared: KindRules<HorizontalPodAutoscaler> = {
  hasGeneration: false,
  columns: columnsOf('Name', 'Reference', 'Targets', 'MinPods', 'MaxPods', 'Replicas', 'Age'),
};

export const horizontalPodAutoscalers: Kind<HorizontalPodAutoscaler> = defineKind<HorizontalPodAutoscaler>(
  'autoscaling/v2',
  'HorizontalPodAutoscaler',
  { ...shared, defaults: (scaler) => changed(scaler, 'spec', specDefaults), cells },
);

/** The first version knows the CPU alone; the rest travels in annotations. */
export const oldHorizontalPodAutoscalers: Kind<HorizontalPodAutoscaler> = defineKind<HorizontalPodAutoscaler>(
  'autoscaling/v1',
  'HorizontalPodAutoscaler',
  {
    ...shared,
    defaults: (scaler) => changed(scaler, 'spec', (spec) => filled(spec, { minReplicas: 1 })),
    cells: (scaler, now) => cells(toNew(scaler), now),
    storedAs: {
      group: 'autoscaling',
      plural: 'horizontalpodautoscalers',
      to: toNew,
      from: (stored) => toOld(stored as HorizontalPodAutoscaler),
    },
  },
);

const policy = (type: string, value: number) => ({ type, value, periodSeconds: 15 });
const cpuMetric = (percent: unknown): Part => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: percent } },
});
const usualPercent = 80;

function specDefaults(given: Part): Part {
  const spec = filled(given, { minReplicas: 1 });
  const measured = partsOf(spec.metrics).length > 0 ? spec : { ...spec, metrics: [cpuMetric(usualPercent)] };
  return changed(measured, 'behavior', (behavior) => ({
    ...behavior,
    scaleUp: filled(partOf(behavior.scaleUp), {
      stabilizationWindowSeconds: 0,
      selectPolicy: 'Max',
      policies: [policy('Pods', 4), policy('Percent', 100)],
    }),
    scaleDown: filled(partOf(behavior.scaleDown), { selectPolicy: 'Max', policies: [policy('Percent', 100)] }),
  }));
}

const metricsNote = 'autoscaling.alpha.kubernetes.io/metrics';
const behaviorNote = 'autoscaling.alpha.kubernetes.io/behavior';

const isCpu = (metric: Part): boolean => {
  const { name, target } = partOf(metric.resource);
  return metric.type === 'Resource' && name === 'cpu' && partOf(target).type === 'Utilization';
};

function toNew(scaler: HorizontalPodAutoscaler): HorizontalPodAutoscaler {
  const { targetCPUUtilizationPercentage, ...spec } = partOf(scaler.spec);
  const { currentCPUUtilizationPercentage, ...status } = partOf(scaler.status);
  const { [metricsNote]: metrics, [behaviorNote]: behavior, ...annotations } = scaler.metadata.annotations ?? {};
  const all = [
    ...(targetCPUUtilizationPercentage === undefined ? [] : [cpuMetric(targetCPUUtilizationPercentage)]),
    ...(metrics ? parsedList(metrics) : []),
  ];
  const current = { name: 'cpu', current: { averageUtilization: currentCPUUtilizationPercentage } };
  const { annotations: _noted, ...metadata } = scaler.metadata;
  return {
    ...scaler,
    apiVersion: 'autoscaling/v2',
    metadata: Object.keys(annotations).length > 0 ? { ...metadata, annotations } : metadata,
    spec: {
      ...spec,
      ...(all.length > 0 ? { metrics: all } : {}),
      ...(behavior ? { behavior: parsed(behavior) } : {}),
    },
    status: {
      ...status,
      currentMetrics: currentCPUUtilizationPercentage === undefined ? null : [{ type: 'Resource', resource: current }],
    },
  };
}

function toOld(scaler: HorizontalPodAutoscaler): HorizontalPodAutoscaler {
  const { metrics, behavior, ...spec } = partOf(scaler.spec);
  const { currentMetrics, conditions: _told, ...status } = partOf(scaler.status);
  const cpu = partsOf(metrics).find(isCpu);
  const others = partsOf(metrics).filter((metric) => metric !== cpu);
  const current = partsOf(currentMetrics).find((metric) => partOf(metric.resource).name === 'cpu');
  const percent = partOf(partOf(current?.resource).current).averageUtilization;
  const annotations = {
    ...scaler.metadata.annotations,
    ...(others.length > 0 ? { [metricsNote]: JSON.stringify(others) } : {}),
    ...(behavior ? { [behaviorNote]: JSON.stringify(behavior) } : {}),
  };
  const target = partOf(partOf(cpu?.resource).target).averageUtilization;
  return {
    ...scaler,
    apiVersion: 'autoscaling/v1',
    metadata: Object.keys(annotations).length > 0 ? { ...scaler.metadata, annotations } : scaler.metadata,
    spec: { ...spec, ...(target === undefined ? {} : { targetCPUUtilizationPercentage: target }) },
    status: filled(
      { ...status, ...(percent === undefined ? {} : { currentCPUUtilizationPercentage: percent }) },
      {
        currentReplicas: 0,
        desiredReplicas: 0,
      },
    ),
  };
}

/** What stands in an annotation may be anything; what is no JSON counts as nothing. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
function parsedList(text: string): readonly Part[] {
  const list = parsed(text);
  return Array.isArray(list) ? (list as readonly Part[]) : [];
}

function cells(scaler: HorizontalPodAutoscaler, now: Instant): readonly Json[] {
  const { scaleTargetRef, minReplicas, maxReplicas } = partOf(scaler.spec);
  const { kind, name } = partOf(scaleTargetRef);
  return [
    scaler.metadata.name,
    `${textOf(kind)}/${textOf(name)}`,
    targetsText(scaler),
    minReplicas === undefined ? '<unset>' : String(minReplicas),
    Number(maxReplicas ?? 0),
    Number(partOf(scaler.status).currentReplicas ?? 0),
    ageCell(scaler, now),
  ];
}

/** So many metrics are shown, the others counted. */
const shownMax = 2;

function targetsText(scaler: HorizontalPodAutoscaler): string {
  const metrics = partsOf(partOf(scaler.spec).metrics);
  const currents = partsOf(partOf(scaler.status).currentMetrics);
  if (metrics.length === 0) return '<none>';
  const texts = metrics.map((metric, index) => metricText(metric, currents[index]));
  const shown = texts.slice(0, shownMax).join(', ');
  return texts.length > shownMax ? `${shown} + ${texts.length - shownMax} more...` : shown;
}

const sources: Readonly<Record<string, string>> = {
  Resource: 'resource',
  ContainerResource: 'containerResource',
  Pods: 'pods',
  Object: 'object',
  External: 'external',
};

function metricText(metric: Part, now: Part | undefined): string {
  const source = sources[textOf(metric.type)];
  if (source === undefined) return '<unknown type>';
  const { name, target } = partOf(metric[source]);
  const wanted = partOf(target);
  const current = partOf(partOf(now?.[source]).current);
  const average = wanted.averageValue !== undefined ? 'averageValue' : 'value';
  const resource = source === 'resource' || source === 'containerResource';
  const prefix = resource ? `${textOf(name)}: ` : '';
  if (resource && wanted.averageValue === undefined) {
    const percent = current.averageUtilization === undefined ? '<unknown>' : `${textOf(current.averageUtilization)}%`;
    return `${prefix}${percent}/${wanted.averageUtilization === undefined ? '<auto>' : `${textOf(wanted.averageUtilization)}%`}`;
  }
  const value = current[average] === undefined ? '<unknown>' : textOf(current[average]);
  const suffix = average === 'averageValue' && !resource && source !== 'pods' ? ' (avg)' : '';
  return `${prefix}${value}/${textOf(wanted[average])}${suffix}`;
}
