import { parseFieldSelector, parseLabelRequirements } from '../../api/selector.ts';
import { type ApiRequest, type Caller, queryValue } from '../../api/wire.ts';
import type { Attributes, ResourceAttributes } from '../attributes.ts';
import { flagged } from '../list-options.ts';
import { decodedSegments } from '../route.ts';

const specialVerbs = new Set(['proxy', 'watch']);
const namespaceSubresources = new Set(['status', 'finalize']);
const selectingVerbs = new Set(['list', 'watch', 'deletecollection']);
const methodVerbs: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/**
 * What a request asks for, from its path alone, as upstream reads it: also for resources that nobody serves, so that
 * who may not ask does not learn what is there. The router reads the same segments, so the two never disagree.
 */
export function attributesOf(request: ApiRequest, caller: Caller): Attributes {
  const segments = decodedSegments(request.path);
  const core = segments[0] === 'api';
  const start = core ? 2 : 3;
  if ((!core && segments[0] !== 'apis') || segments.length <= start) {
    return { caller, verb: request.method.toLowerCase(), path: request.path };
  }
  const place = { caller, group: core ? '' : (segments[1] as string), version: segments[start - 1] as string };
  const rest = segments.slice(start);
  const special = rest.length > 1 && specialVerbs.has(rest[0] as string) ? rest.shift() : undefined;
  const named = { ...place, ...partsOf(rest, special !== undefined) };
  const verb = special ?? methodVerbs[request.method] ?? '';
  return selected({ ...named, verb }, request, special);
}

/** Namespaces are in themselves: /namespaces/a is the object a, seen from inside the namespace a. */
function partsOf(rest: readonly string[], noSubresource: boolean) {
  let parts = rest;
  let namespace = '';
  if (rest[0] === 'namespaces' && rest.length > 1) {
    namespace = rest[1] as string;
    if (rest.length > 2 && !namespaceSubresources.has(rest[2] as string)) parts = rest.slice(2);
  }
  const [resource = '', name = '', subresource = ''] = parts;
  return { namespace, resource, name, subresource: noSubresource ? '' : subresource };
}

function selected(attributes: ResourceAttributes, request: ApiRequest, special: string | undefined): Attributes {
  if (attributes.name === '' && attributes.verb === 'delete') {
    return withSelectors({ ...attributes, verb: 'deletecollection' }, request);
  }
  const reads = attributes.verb === 'get' || special === 'watch';
  if (!reads) return attributes;
  const watches = special === 'watch' || flagged(request.query, 'watch');
  // The router watches a single object too, so that takes the right to watch.
  if (attributes.name !== '') return watches ? { ...attributes, verb: 'watch' } : attributes;
  const verb = watches ? 'watch' : 'list';
  const withName = { ...attributes, verb, name: selectedName(request) };
  return special === undefined ? withSelectors(withName, request) : withName;
}

/** A list of the one object with this name is a request for that object. */
function selectedName(request: ApiRequest): string {
  const exact = fieldsOf(request)?.find(({ field, equal }) => field === 'metadata.name' && equal);
  const name = exact?.value ?? '';
  return name === '.' || name === '..' || /[/%]/.test(name) ? '' : name;
}

function withSelectors(attributes: ResourceAttributes, request: ApiRequest): ResourceAttributes {
  if (!selectingVerbs.has(attributes.verb)) return attributes;
  const fields = fieldsOf(request);
  const labels = labelsOf(request);
  return { ...attributes, ...(fields ? { fields } : {}), ...(labels ? { labels } : {}) };
}

/** A selector that cannot be read limits nothing here; the list itself refuses it. */
function fieldsOf(request: ApiRequest): ResourceAttributes['fields'] {
  return readable(queryValue(request.query, 'fieldSelector'), parseFieldSelector);
}
function labelsOf(request: ApiRequest): ResourceAttributes['labels'] {
  return readable(queryValue(request.query, 'labelSelector'), parseLabelRequirements);
}

function readable<T>(text: string | undefined, parse: (text: string) => readonly T[]): readonly T[] | undefined {
  if (!text) return undefined;
  try {
    const parsed = parse(text);
    return parsed.length > 0 ? parsed : undefined;
  } catch {
    return undefined;
  }
}
