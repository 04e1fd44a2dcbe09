import type { Instant } from '../../base/env.ts';
import type { Json } from '../../base/json.ts';
import type { Kind } from '../kind.ts';
import { pathSegment } from '../names.ts';
import type { KubeObject } from '../object.ts';
import { ageOf, columnsOf } from './columns.ts';
import { defineKind } from './define.ts';
import { coreEventRules, newerEventRules } from './event-rules.ts';

export interface ObjectReference {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly fieldPath?: string;
}
export interface Event extends KubeObject<never, never> {
  readonly involvedObject: ObjectReference;
  readonly reason?: string;
  readonly message?: string;
  readonly source?: { readonly component?: string; readonly host?: string };
  readonly firstTimestamp?: string | null;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly count?: number;
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string | null };
  readonly action?: string;
  readonly related?: ObjectReference;
  readonly type?: string;
  readonly reportingComponent?: string;
  readonly reportingInstance?: string;
}

export const events: Kind<Event> = defineKind<Event>('v1', 'Event', {
  validate: coreEventRules,
  // Whatever a path may have: events were never asked for more.
  validateName: pathSegment,
  columns: eventColumns(),
  cells: eventCells,
  fields: eventFields,
});

/** The same events as their newer group names them. They are stored in the core form. */
export interface EventRecord extends KubeObject<never, never> {
  readonly regarding?: ObjectReference;
  readonly note?: string;
  readonly reportingController?: string;
  readonly reportingInstance?: string;
  readonly deprecatedSource?: Event['source'];
  readonly deprecatedFirstTimestamp?: string | null;
  readonly deprecatedLastTimestamp?: string | null;
  readonly deprecatedCount?: number;
}
export const eventRecords: Kind<EventRecord> = defineKind<EventRecord>('events.k8s.io/v1', 'Event', {
  validate: (next, previous, context) => newerEventRules(toCore(next), previous && toCore(previous), context),
  columns: eventColumns(),
  cells: (record, now) => eventCells(toCore(record), now),
  fields: (record) => recordFields(eventFields(toCore(record))),
  storedAs: { group: '', plural: 'events', to: toCore, from: (stored) => fromCore(stored as Event) },
});

// Each pair: the newer name, the core name.
const renamed: readonly (readonly [string, string, unknown?])[] = [
  ['regarding', 'involvedObject', {}],
  ['note', 'message'],
  ['reportingController', 'reportingComponent', ''],
  ['deprecatedSource', 'source', {}],
  ['deprecatedFirstTimestamp', 'firstTimestamp', null],
  ['deprecatedLastTimestamp', 'lastTimestamp', null],
  ['deprecatedCount', 'count'],
];

function toCore(record: EventRecord): Event {
  const out: Record<string, unknown> = { ...record, apiVersion: 'v1' };
  for (const [from, to, absent] of renamed) rename(out, from, { to, absent });
  return { reportingInstance: '', ...out } as unknown as Event;
}
function fromCore(event: Event): EventRecord {
  const out: Record<string, unknown> = { ...event, apiVersion: 'events.k8s.io/v1' };
  // What is always printed in the core form is not in the newer one.
  for (const [to, from, absent] of renamed) {
    rename(out, from, { to, absent: to.startsWith('deprecated') ? absent : undefined });
  }
  for (const key of ['reportingController', 'reportingInstance', 'note']) if (out[key] === '') delete out[key];
  if (out.regarding !== undefined && Object.keys(out.regarding as object).length === 0) delete out.regarding;
  return { eventTime: null, ...out } as unknown as EventRecord;
}
function rename(object: Record<string, unknown>, from: string, to: { readonly to: string; readonly absent: unknown }) {
  const value = object[from] ?? to.absent;
  delete object[from];
  if (value !== undefined) object[to.to] = value;
}

function eventFields(event: Event): Readonly<Record<string, string>> {
  const about = event.involvedObject ?? {};
  return {
    'involvedObject.kind': about.kind ?? '',
    'involvedObject.namespace': about.namespace ?? '',
    'involvedObject.name': about.name ?? '',
    'involvedObject.uid': about.uid ?? '',
    'involvedObject.apiVersion': about.apiVersion ?? '',
    'involvedObject.resourceVersion': about.resourceVersion ?? '',
    'involvedObject.fieldPath': about.fieldPath ?? '',
    reason: event.reason ?? '',
    reportingComponent: event.reportingComponent ?? '',
    source: event.source?.component || (event.reportingComponent ?? ''),
    type: event.type ?? '',
  };
}

/** The newer group selects by its own names. */
function recordFields(fields: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const named = Object.entries(fields).map(([key, value]) => [
    key.replace('involvedObject.', 'regarding.').replace('reportingComponent', 'reportingController'),
    value,
  ]);
  return Object.fromEntries(named);
}

function eventColumns() {
  return columnsOf(
    'Last Seen',
    'Type',
    'Reason',
    'Object',
    'Subobject:wide',
    'Source:wide',
    'Message',
    'First Seen:wide',
    'Count:wide',
    'Name:name:wide',
  );
}

function eventCells(event: Event, now: Instant): readonly Json[] {
  const about = event.involvedObject ?? {};
  const first = event.firstTimestamp ?? event.eventTime;
  const last = event.series?.lastObservedTime ?? event.lastTimestamp ?? first;
  const kind = (about.kind ?? '').toLowerCase();
  const { component = '', host } = event.source ?? {};
  const reporter = component ? [component, host] : [event.reportingComponent, event.reportingInstance];
  return [
    ageOf(last, now),
    event.type ?? '',
    event.reason ?? '',
    about.name ? `${kind}/${about.name}` : kind,
    about.fieldPath ?? '',
    reporter.filter((part) => part).join(', '),
    (event.message ?? '').trim(),
    ageOf(event.series ? (event.eventTime ?? first) : first, now),
    event.series?.count ?? event.count ?? 1,
    event.metadata.name,
  ];
}
