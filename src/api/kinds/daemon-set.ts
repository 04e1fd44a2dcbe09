import { equalJson } from '../../base/json.ts';
import { ApiError } from '../error.ts';
import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { emptyStatusOf } from '../schema/empty-status.ts';
import type { LabelSelector } from '../selector.ts';
import { ageCell, columnsOf, containerCells, labelsText, selectorText, workloadColumns } from './columns.ts';
import { daemonSetRules } from './daemon-set-rules.ts';
import { changed, filled, mapOf, type Part, partOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { templateDefaults } from './pod-defaults.ts';
import { setWarnings } from './workload-warnings.ts';

export interface DaemonSet extends KubeObject<Part, Part> {}

export const daemonSets: Kind<DaemonSet> = defineKind<DaemonSet>('apps/v1', 'DaemonSet', {
  validate: daemonSetRules,
  warnings: setWarnings,
  defaults: (set) => changed(counted(readable(set)), 'spec', specDefaults),
  prepareCreate: (set) => {
    const status = emptyStatusOf(daemonSets);
    return { ...withTemplateGeneration(set, 1), ...(status === undefined ? {} : { status: status as Part }) };
  },
  prepareUpdate: (next, previous, { subresource }) => {
    const count = Number(previous.metadata.annotations?.[templateGeneration] ?? 1);
    if (subresource === 'status') {
      const { status: _old, ...kept } = withTemplateGeneration({ ...previous, metadata: next.metadata }, count);
      return { ...kept, ...(next.status ? { status: next.status } : {}) };
    }
    const same = equalJson(partOf(next.spec).template, partOf(previous.spec).template);
    const kept = withTemplateGeneration(next, same ? count : count + 1);
    return { ...kept, ...(previous.status ? { status: previous.status } : {}) };
  },
  inner: (set) => {
    const { [templateGeneration]: _count, ...annotations } = set.metadata.annotations ?? {};
    const { annotations: _all, ...metadata } = set.metadata;
    return { ...set, metadata: Object.keys(annotations).length > 0 ? { ...metadata, annotations } : metadata };
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

/** The count is read as a number wherever an object comes from, so a text that is none cannot be read at all. */
function readable(set: DaemonSet): DaemonSet {
  const count = set.metadata.annotations?.[templateGeneration];
  if (count === undefined || /^[+-]?[0-9]+$/.test(count)) return set;
  const why = `strconv.ParseInt: parsing ${JSON.stringify(count)}: invalid syntax`;
  throw new ApiError('BadRequest', `DaemonSet in version "v1" cannot be handled as a DaemonSet: ${why}`);
}

/** Who leaves the count out says 0, as every daemon set has one: so it is asked for, and owned, by whoever writes. */
const counted = (set: DaemonSet): DaemonSet =>
  set.metadata.annotations?.[templateGeneration] === undefined ? withTemplateGeneration(set, 0) : set;

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
