import { equalJson } from '../../base/json.ts';
import { type FieldError, invalid, notSupported, required } from '../field-error.ts';
import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { emptyStatusOf } from '../schema/empty-status.ts';
import type { LabelSelector } from '../selector.ts';
import { ageCell, columnsOf, containerCells, labelsText, selectorText, workloadColumns } from './columns.ts';
import { changed, filled, mapOf, type Part, partOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { templateDefaults } from './pod-defaults.ts';
import { atMostHundred, portionRules } from './rules.ts';
import { workloadRules } from './workload-rules.ts';

export interface DaemonSet extends KubeObject<Part, Part> {}

export const daemonSets: Kind<DaemonSet> = defineKind<DaemonSet>('apps/v1', 'DaemonSet', {
  validate: (next, previous, { subresource }) =>
    subresource === 'status' ? [] : daemonSetRules(partOf(next.spec), previous && partOf(previous.spec)),
  defaults: (set) => changed(set, 'spec', specDefaults),
  prepareCreate: (set) => {
    const status = emptyStatusOf(daemonSets);
    return { ...withTemplateGeneration(set, 1), ...(status === undefined ? {} : { status: status as Part }) };
  },
  prepareUpdate: (next, previous, { subresource }) => {
    if (subresource === 'status') {
      return { ...previous, metadata: next.metadata, ...(next.status ? { status: next.status } : {}) };
    }
    const same = equalJson(partOf(next.spec).template, partOf(previous.spec).template);
    const count = Number(previous.metadata.annotations?.[templateGeneration] ?? 1);
    const counted = withTemplateGeneration(next, same ? count : count + 1);
    return { ...counted, ...(previous.status ? { status: previous.status } : {}) };
  },
  columns: columnsOf(
    'Name',
    'Desired:integer',
    'Current:integer',
    'Ready:integer',
    'Up-to-date:integer',
    'Available:integer',
    'Node Selector',
    'Age',
    ...workloadColumns,
  ),
  cells: (set, now) => {
    const status = mapOf(set.status) as unknown as Readonly<Record<string, number>>;
    const podSpec = partOf(partOf(partOf(set.spec).template).spec);
    return [
      set.metadata.name,
      status.desiredNumberScheduled ?? 0,
      status.currentNumberScheduled ?? 0,
      status.numberReady ?? 0,
      status.updatedNumberScheduled ?? 0,
      status.numberAvailable ?? 0,
      labelsText(podSpec.nodeSelector),
      ageCell(set, now),
      ...containerCells(podSpec),
      selectorText(partOf(set.spec).selector as LabelSelector),
    ];
  },
});

/** How often the template has changed, kept where clients from long ago look for it. */
const templateGeneration = 'deprecated.daemonset.template.generation';

function withTemplateGeneration(set: DaemonSet, count: number): DaemonSet {
  const annotations = { ...set.metadata.annotations, [templateGeneration]: String(count) };
  return { ...set, metadata: { ...set.metadata, annotations } };
}

function specDefaults(given: Part): Part {
  const spec = filled(templateDefaults(given), { updateStrategy: {}, revisionHistoryLimit: 10 });
  return changed(spec, 'updateStrategy', (asked) => {
    const strategy = filled(asked, { type: 'RollingUpdate' });
    if (strategy.type !== 'RollingUpdate') return strategy;
    return changed(filled(strategy, { rollingUpdate: {} }), 'rollingUpdate', (rolling) =>
      filled(rolling, { maxUnavailable: 1, maxSurge: 0 }),
    );
  });
}

function daemonSetRules(spec: Part, previous: Part | undefined): readonly FieldError[] {
  const errors = [...workloadRules(spec, previous, 'daemonset')];
  const { type, rollingUpdate } = partOf(spec.updateStrategy);
  if (type === 'OnDelete') return errors;
  if (type !== 'RollingUpdate') {
    const shown = { Type: type ?? '', RollingUpdate: null };
    return [...errors, notSupported('spec.updateStrategy', shown, ['RollingUpdate', 'OnDelete'])];
  }
  const { maxUnavailable, maxSurge } = partOf(rollingUpdate);
  const at = 'spec.updateStrategy.rollingUpdate';
  errors.push(...portionRules(maxUnavailable, `${at}.maxUnavailable`), ...portionRules(maxSurge, `${at}.maxSurge`));
  errors.push(...atMostHundred(maxUnavailable, `${at}.maxUnavailable`), ...atMostHundred(maxSurge, `${at}.maxSurge`));
  // A pod is replaced either before or after the new one starts, so exactly one of the two is more than nothing.
  if (isNothing(maxUnavailable) && isNothing(maxSurge)) {
    errors.push(required(`${at}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
  } else if (!isNothing(maxUnavailable) && !isNothing(maxSurge)) {
    errors.push(invalid(`${at}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'));
  }
  return errors;
}

/** What is no portion at all counts as none, and is told for itself. */
const isNothing = (value: unknown): boolean =>
  typeof value === 'string' ? !/^0*[1-9][0-9]*%$/.test(value) : Number(value ?? 0) === 0;
