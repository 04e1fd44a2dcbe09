import type { Instant } from '../../base/env.ts';
import type { Json } from '../../base/json.ts';
import type { Kind, KindRules } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { cpuMetric, toFirstVersion, toSecondVersion } from './autoscaler-versions.ts';
import { ageCell, columnsOf } from './columns.ts';
import { changed, filled, type Part, partOf, partsOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { horizontalPodAutoscalerRules } from './horizontal-pod-autoscaler-rules.ts';

export interface HorizontalPodAutoscaler extends KubeObject<Part, Part> {}

const shared: KindRules<HorizontalPodAutoscaler> = {
  hasGeneration: false,
  columns: columnsOf('Name', 'Reference', 'Targets', 'MinPods', 'MaxPods', 'Replicas', 'Age'),
};

export const horizontalPodAutoscalers: Kind<HorizontalPodAutoscaler> = defineKind<HorizontalPodAutoscaler>(
  'autoscaling/v2',
  'HorizontalPodAutoscaler',
  {
    ...shared,
    validate: horizontalPodAutoscalerRules,
    defaults: (scaler) => changed(scaler, 'spec', specDefaults),
    cells,
  },
);

export const oldHorizontalPodAutoscalers: Kind<HorizontalPodAutoscaler> = defineKind<HorizontalPodAutoscaler>(
  'autoscaling/v1',
  'HorizontalPodAutoscaler',
  {
    ...shared,
    validate: (next, previous, context) =>
      horizontalPodAutoscalerRules(toSecondVersion(next), previous && toSecondVersion(previous), context),
    // What the other version would fill in shows here as well, where this version has a word for it.
    defaults: (scaler) =>
      toFirstVersion(toSecondVersion(changed(scaler, 'spec', (spec) => filled(spec, { minReplicas: 1 })))),
    cells: (scaler, now) => cells(toSecondVersion(scaler), now),
    storedAs: {
      group: 'autoscaling',
      plural: 'horizontalpodautoscalers',
      to: toSecondVersion,
      from: (stored) => toFirstVersion(stored as HorizontalPodAutoscaler),
    },
  },
);

const policy = (type: string, value: number) => ({ type, value, periodSeconds: 15 });

function specDefaults(given: Part): Part {
  const spec = filled(given, { minReplicas: 1 });
  const measured = partsOf(spec.metrics).length > 0 ? spec : { ...spec, metrics: [cpuMetric()] };
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
