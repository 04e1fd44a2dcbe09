import { ApiError } from '../api/error.ts';
import { type Kind, resourceText } from '../api/kind.ts';
import type { KubeObject } from '../api/object.ts';
import { type FieldRequirement, type Matches, parseFieldSelector, parseLabelSelector } from '../api/selector.ts';
import { type ApiRequest, queryValue } from '../api/wire.ts';
import type { Clock, Metrics } from '../base/env.ts';
import { Compacted, type Entry, Future, type Revision, type Store } from '../store/store.ts';
import { ExpiredPage, makeToken, openToken } from './continue.ts';
import { storageKey, storagePrefix } from './kinds.ts';
import { checkListOptions } from './list-options.ts';
import type { ResourceRoute } from './route.ts';
import { filterInSlices } from './slices.ts';
import type { Describe } from './table.ts';
import type { Views } from './views.ts';
import { listWhole } from './whole-list.ts';

/** What a list or watch shows of its collection. */
export interface Selection {
  readonly prefix: string;
  readonly matches: ((object: KubeObject) => boolean) | undefined;
  /** The same text for whoever selects the same. */
  readonly text: string;
}

interface ReadOptions {
  readonly fieldText: string;
  readonly fields: readonly FieldRequirement[];
  readonly labelText: string;
  readonly labels: Matches | undefined;
  readonly limit: number;
}

export function notFound(kind: Kind, name: string): ApiError {
  return new ApiError('NotFound', `${resourceText(kind)} ${JSON.stringify(name)} not found`, {
    name,
    ...(kind.group ? { group: kind.group } : {}),
    kind: kind.plural,
  });
}

export function selectionOf(route: ResourceRoute, asked: ReadOptions): Selection {
  const { kind, namespace, name } = route;
  const { fieldText, labelText, labels } = asked;
  const fields = name ? [...asked.fields, { field: 'metadata.name', equal: true, value: name }] : asked.fields;
  const prefix = `${storagePrefix(kind)}${kind.namespaced && namespace ? `${namespace}/` : ''}`;
  const matches = labels || fields.length > 0 ? matcher(kind, labels, fields) : undefined;
  return { prefix, matches, text: matches ? JSON.stringify([name, fieldText, labelText]) : '' };
}

function matcher(
  kind: Kind,
  labels: Matches | undefined,
  fields: readonly FieldRequirement[],
): (object: KubeObject) => boolean {
  const extra = fields.filter(({ field }) => field !== 'metadata.name' && field !== 'metadata.namespace');
  // Which fields a kind can be selected by shows on an empty object already: an unknown one is refused, not ignored.
  const supported =
    extra.length > 0 ? kind.rules.fields?.({ metadata: {}, spec: {}, status: {} } as KubeObject) : undefined;
  for (const { field } of extra) {
    if (!supported || !(field in supported)) {
      throw unknownField(kind, field);
    }
  }
  const own = fields.filter((requirement) => !extra.includes(requirement));
  return (object) =>
    own.every(({ field, equal, value }) => {
      const actual = field === 'metadata.name' ? object.metadata.name : (object.metadata.namespace ?? '');
      return (actual === value) === equal;
    }) &&
    (labels === undefined || labels(object.metadata.labels)) &&
    (extra.length === 0 || satisfiesFields(kind.rules.fields?.(object) ?? {}, extra));
}

/** Kinds with fields of their own and kinds without word it differently. */
const unknownField = (kind: Kind, field: string) =>
  new ApiError(
    'BadRequest',
    kind.rules.fields
      ? `field label not supported: ${field}`
      : `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
  );

const satisfiesFields = (actual: Readonly<Record<string, string>>, wanted: readonly FieldRequirement[]) =>
  wanted.every(({ field, equal, value }) => ((actual[field] ?? '') === value) === equal);

export interface ReadDeps {
  readonly store: Store;
  readonly views: Views;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly describe?: Describe | undefined;
}

export interface Listed {
  readonly entries: readonly Entry[];
  readonly revision: Revision;
  readonly continue?: string;
  readonly remaining?: number;
}

/** One page of a collection over one revision. */
export async function listEntries(
  { store, views, clock }: ReadDeps,
  route: ResourceRoute,
  query: ApiRequest['query'],
): Promise<Listed> {
  const options = readOptions(query);
  checkListOptions(query, false);
  const { prefix, matches } = selectionOf(route, options);
  const limit = limitOf(query, options.limit);
  const token = queryValue(query, 'continue');
  const resume = token ? openToken(token, prefix) : undefined;
  if (resume && !['', '0'].includes(queryValue(query, 'resourceVersion') ?? '')) {
    throw new ApiError('BadRequest', 'specifying resource version is not allowed when using continue');
  }
  const at = resume ? resume.revision : exactRevision(query, store.revision);
  const select = matches ? (entry: Entry) => matches(views.chosen(route.kind, entry)) : undefined;
  const from = { ...(at ? { at } : {}), ...(resume ? { after: resume.after } : {}) };
  try {
    if (limit === 0 || select) {
      const all = await listWhole(clock, store, prefix, from);
      const entries = select ? await filterInSlices(clock, all.entries, select) : all.entries;
      return page(entries, all.revision, { limit, prefix });
    }
    const { entries, revision, remaining } = await store.list(prefix, { limit, ...from });
    const last = entries.at(-1);
    return remaining > 0 && last
      ? { entries, revision, remaining, continue: makeToken(revision, last.key, prefix) }
      : { entries, revision };
  } catch (error) {
    if (error instanceof Compacted && resume) throw new ExpiredPage(makeToken(-1, resume.after, prefix));
    throw revisionError(error);
  }
}

/** With a selector upstream does not count what remains: it would have to look at all of it. */
function page(
  entries: readonly Entry[],
  revision: Revision,
  { limit, prefix }: { readonly limit: number; readonly prefix: string },
): Listed {
  if (limit === 0 || entries.length <= limit) return { entries, revision };
  const shown = entries.slice(0, limit);
  return { entries: shown, revision, continue: makeToken(revision, (shown.at(-1) as Entry).key, prefix) };
}

export function revisionError(error: unknown): unknown {
  if (error instanceof Compacted) {
    return new ApiError('Expired', 'The resourceVersion for the provided list is too old.');
  }
  if (error instanceof Future) {
    return new ApiError('Timeout', `Timeout: Too large resource version: ${error.asked}, current: ${error.current}`, {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    });
  }
  return error;
}

/** What the options of a list or watch say. What cannot be read is told before what they cannot be together. */
export function readOptions(query: ApiRequest['query']): ReadOptions {
  const limit = numberIn(query, 'limit');
  numberIn(query, 'timeoutSeconds');
  const fieldText = queryValue(query, 'fieldSelector') ?? '';
  const labelText = queryValue(query, 'labelSelector') ?? '';
  const labels = labelText === '' ? undefined : parseLabelSelector(labelText);
  return { fieldText, labelText, labels, fields: parseFieldSelector(fieldText), limit };
}

function numberIn(query: ApiRequest['query'], key: string): number {
  const text = queryValue(query, key);
  if (text === undefined) return 0;
  if (!/^[-+]?\d+$/.test(text)) throw notANumber(text, 'invalid syntax');
  if (BigInt.asIntN(64, BigInt(text)) !== BigInt(text)) throw notANumber(text, 'value out of range');
  return Number(text);
}

/** What is there at any revision is answered whole, as upstream's cache does: only then a limit does not count. */
function limitOf(query: ApiRequest['query'], asked: number): number {
  const anyRevision = queryValue(query, 'resourceVersion') === '0';
  return anyRevision && queryValue(query, 'resourceVersionMatch') !== 'Exact' ? 0 : Math.max(0, asked);
}

const notANumber = (text: string, why: string) =>
  new ApiError('BadRequest', `strconv.ParseInt: parsing ${JSON.stringify(text)}: ${why}`);

function exactRevision(query: ApiRequest['query'], current: Revision): Revision | undefined {
  const text = queryValue(query, 'resourceVersion') ?? '';
  if (text === '' || text === '0') return undefined;
  const revision = revisionOf(text);
  if (revision > current) throw revisionError(new Future(revision, current));
  if (queryValue(query, 'resourceVersionMatch') !== 'Exact' || revision === 0) return undefined;
  if (isBeforeAll(revision, current)) throw revisionError(new Compacted(revision, current));
  return revision;
}

/** Upstream's history never reaches back to its first revision: whoever asks for it starts anew. */
export const isBeforeAll = (revision: Revision, current: Revision): boolean => revision === 1 && current > 1;

export function revisionOf(text: string): Revision {
  const whole = /^\d+$/.test(text);
  if (whole && text.length <= 16) return Number(text);
  const why = whole ? 'value out of range' : 'invalid syntax';
  throw new ApiError(
    'BadRequest',
    `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`,
  );
}

/** Waits for no revision: one that is not there yet is refused. At once where the store can. */
export function getAtLeast(store: Store, route: ResourceRoute, query: ApiRequest['query']): Entry | Promise<Entry> {
  const text = queryValue(query, 'resourceVersion') ?? '';
  const revision = text === '' ? 0 : revisionOf(text);
  if (revision > store.revision) throw revisionError(new Future(revision, store.revision));
  const found = store.peek(storageKey(route.kind, route.namespace, route.name));
  return found ? there(found.entry, route) : getEntry(store, route);
}

export async function getEntry(store: Store, route: ResourceRoute): Promise<Entry> {
  return there((await store.get(storageKey(route.kind, route.namespace, route.name))).entry, route);
}

function there(entry: Entry | undefined, route: ResourceRoute): Entry {
  if (!entry) throw notFound(route.kind, route.name);
  return entry;
}
