import { ApiError } from '../api/error.ts';
import { type Kind, resourceText } from '../api/kind.ts';
import type { KubeObject } from '../api/object.ts';
import { type FieldRequirement, type Matches, parseFieldSelector, parseLabelSelector } from '../api/selector.ts';
import { type ApiRequest, queryValue } from '../api/wire.ts';
import { decodeText, encodeText } from '../base/json.ts';
import { Compacted, type Entry, Future, type Revision, type Store } from '../store/store.ts';
import { storageKey, storagePrefix } from './kinds.ts';
import type { ResourceRoute } from './route.ts';
import type { Views } from './views.ts';

/** What a list or watch shows of its collection. */
export interface Selection {
  readonly prefix: string;
  readonly matches: ((object: KubeObject) => boolean) | undefined;
}

export function notFound(kind: Kind, name: string): ApiError {
  return new ApiError('NotFound', `${resourceText(kind)} ${JSON.stringify(name)} not found`, {
    name,
    ...(kind.group ? { group: kind.group } : {}),
    kind: kind.plural,
  });
}

export function selectionOf(route: ResourceRoute, query: ApiRequest['query']): Selection {
  const { kind, namespace, name } = route;
  const fields = [...parseFieldSelector(queryValue(query, 'fieldSelector') ?? '')];
  if (name) fields.push({ field: 'metadata.name', equal: true, value: name });
  const labelText = queryValue(query, 'labelSelector') ?? '';
  const labels = labelText === '' ? undefined : parseLabelSelector(labelText);
  const prefix = `${storagePrefix(kind)}${kind.namespaced && namespace ? `${namespace}/` : ''}`;
  const matches = labels || fields.length > 0 ? matcher(kind, labels, fields) : undefined;
  return { prefix, matches };
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
      throw new ApiError('BadRequest', `field label not supported: ${field}`);
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

const satisfiesFields = (actual: Readonly<Record<string, string>>, wanted: readonly FieldRequirement[]) =>
  wanted.every(({ field, equal, value }) => ((actual[field] ?? '') === value) === equal);

export interface Listed {
  readonly entries: readonly Entry[];
  readonly revision: Revision;
  readonly continue?: string;
  readonly remaining?: number;
}

/** One page of a collection over one revision. */
export async function listEntries(
  store: Store,
  views: Views,
  route: ResourceRoute,
  query: ApiRequest['query'],
): Promise<Listed> {
  const { prefix, matches } = selectionOf(route, query);
  const limit = limitOf(query);
  const token = queryValue(query, 'continue');
  const resume = token ? openToken(token) : undefined;
  const at = resume?.revision ?? exactRevision(query, store.revision);
  const select = matches ? (entry: Entry) => matches(views.object(route.kind, entry)) : undefined;
  try {
    if (limit === 0 || select) {
      const all = await store.list(prefix, { ...(at ? { at } : {}), ...(resume ? { after: resume.after } : {}) });
      return page(select ? all.entries.filter(select) : all.entries, all.revision, limit);
    }
    const { entries, revision, remaining } = await store.list(prefix, {
      limit,
      ...(at ? { at } : {}),
      ...(resume ? { after: resume.after } : {}),
    });
    const last = entries.at(-1);
    return remaining > 0 && last
      ? { entries, revision, remaining, continue: makeToken(revision, last.key) }
      : { entries, revision };
  } catch (error) {
    throw revisionError(error);
  }
}

/** With a selector upstream does not count what remains: it would have to look at all of it. */
function page(entries: readonly Entry[], revision: Revision, limit: number): Listed {
  if (limit === 0 || entries.length <= limit) return { entries, revision };
  const shown = entries.slice(0, limit);
  return { entries: shown, revision, continue: makeToken(revision, (shown.at(-1) as Entry).key) };
}

export function revisionError(error: unknown): unknown {
  if (error instanceof Compacted) {
    return new ApiError(
      'Expired',
      'The provided continue parameter is too old or the requested resource version is no longer available: list again without it.',
    );
  }
  if (error instanceof Future) {
    return new ApiError('Timeout', `Too large resource version: ${error.message}`, {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    });
  }
  return error;
}

function limitOf(query: ApiRequest['query']): number {
  const text = queryValue(query, 'limit');
  if (text === undefined || text === '') return 0;
  if (!/^-?\d+$/.test(text))
    throw new ApiError('BadRequest', `limit: Invalid value: ${JSON.stringify(text)}: must be a whole number`);
  return Math.max(0, Number(text));
}

function exactRevision(query: ApiRequest['query'], current: Revision): Revision | undefined {
  const text = queryValue(query, 'resourceVersion') ?? '';
  if (text === '' || text === '0') return undefined;
  const revision = revisionOf(text);
  if (revision > current) throw revisionError(new Future(revision, current));
  return queryValue(query, 'resourceVersionMatch') === 'Exact' ? revision : undefined;
}

export function revisionOf(text: string): Revision {
  if (/^\d{1,16}$/.test(text)) return Number(text);
  throw new ApiError(
    'Invalid',
    `resourceVersion: Invalid value: ${JSON.stringify(text)}: must be a whole number that the server gave`,
  );
}

// A token is opaque to clients; base64 without a library: two hex digits a byte.
const makeToken = (revision: Revision, after: string): string =>
  [...encodeText(JSON.stringify([revision, after]))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

function openToken(token: string): { readonly revision: Revision; readonly after: string } {
  try {
    const bytes = Uint8Array.from(token.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    const [revision, after] = JSON.parse(decodeText(bytes)) as [number, string];
    return { revision, after };
  } catch {
    throw new ApiError('BadRequest', 'continue: Invalid value: the token was not given by this server');
  }
}

export async function getEntry(store: Store, route: ResourceRoute): Promise<Entry> {
  const { entry } = await store.get(storageKey(route.kind, route.namespace, route.name));
  if (!entry) throw notFound(route.kind, route.name);
  return entry;
}
