import { ApiError } from '../api/error.ts';
import { tableOf } from '../api/schema/names.ts';
import { schemaOf } from '../api/schema/schema.ts';
import type { ApiRequest } from '../api/wire.ts';
import { isObject, type Json } from '../base/json.ts';
import { finish, namesIn } from '../base/steps.ts';
import { summaryOf, UnreadableBody, wholeText } from './body.ts';

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

const metaStruct =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/**
 * What a body says it is, with what it leaves out filled in from what is expected. Throws where that cannot become
 * what is expected. Custom objects leave nothing out.
 */
export function identify(value: Json, expected: GroupVersionKind, request: ApiRequest): GroupVersionKind {
  const builtIn = schemaOf(expected) !== undefined;
  const said = saidBy(value);
  if (said.kind === expected.kind && said.apiVersion === apiVersionOf(expected)) return expected;
  const apiVersion = parseApiVersion(said.apiVersion);
  if (!builtIn) return identifyCustom({ ...apiVersion, kind: said.kind }, expected, request);
  const actual = withDefaults({ ...apiVersion, kind: said.kind }, expected);
  if (same(actual, expected)) return actual;
  const subject = `${actual.kind} in version ${JSON.stringify(actual.version)} cannot be handled as a ${expected.kind}`;
  if (!schemaOf(actual)) throw new ApiError('BadRequest', `${subject}: ${notRegistered(actual)}`);
  if (sharesForm(actual, expected)) throw wrongVersion(actual, expected);
  const [from, to] = [`${actual.version}.${actual.kind}`, `${internalPackage(expected)}.${expected.kind}`];
  throw new ApiError('BadRequest', `${subject}: converting (${from}) to (${to}): unknown conversion`);
}

export const notRegistered = (actual: GroupVersionKind): string =>
  `no kind ${JSON.stringify(actual.kind)} is registered for version ${JSON.stringify(apiVersionOf(actual))} in scheme "pkg/runtime/scheme.go:111"`;

/** The 400 answer for a body that could not be understood at all. */
export const unrecognized = (why: string, expected: { readonly kind: string }, request: ApiRequest): ApiError =>
  new ApiError(
    'BadRequest',
    `the object provided is unrecognized (must be of type ${expected.kind}): ${why} (${summaryOf(request)})`,
  );

const apiVersionOf = ({ group, version }: GroupVersionKind): string => (group ? `${group}/${version}` : version);

function identifyCustom(actual: GroupVersionKind, expected: GroupVersionKind, request: ApiRequest): GroupVersionKind {
  if (!actual.kind) throw new UnreadableBody(`Object 'Kind' is missing in '${finish(wholeText(request))}'`);
  if (!same({ ...actual, kind: expected.kind }, expected)) throw wrongVersion(actual, expected);
  if (actual.kind === expected.kind) return actual;
  throw new ApiError(
    'BadRequest',
    `the kind in the data (${actual.kind}) does not match the expected kind (${expected.kind})`,
  );
}

const wrongVersion = (actual: GroupVersionKind, expected: GroupVersionKind) =>
  new ApiError(
    'BadRequest',
    `the API version in the data (${apiVersionOf(actual)}) does not match the expected API version (${apiVersionOf(expected)})`,
  );

/** Go's own decoder reads these two, whatever the case of their names. */
export function saidBy(value: Json): { readonly apiVersion: string; readonly kind: string } {
  if (value === null) return { apiVersion: '', kind: '' };
  if (!isObject(value)) {
    const word = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
    throw parseError(`json: cannot unmarshal ${word} into Go value of type ${metaStruct}`);
  }
  const said = { apiVersion: '', kind: '' };
  const { apiVersion, kind } = value;
  if (typeof apiVersion === 'string' && typeof kind === 'string') return { apiVersion, kind };
  for (const key of namesIn(value)) {
    const lower = key.length <= 10 ? key.toLowerCase() : '';
    const name = lower === 'kind' ? 'kind' : lower === 'apiversion' ? 'apiVersion' : undefined;
    if (!name || value[key] === null) continue;
    said[name] = textMember(name, value[key]);
  }
  return said;
}

function textMember(name: string, member: Json | undefined): string {
  if (typeof member === 'string') return member;
  const word = Array.isArray(member) ? 'array' : typeof member === 'boolean' ? 'bool' : typeof member;
  throw parseError(`json: cannot unmarshal ${word} into Go struct field .${name} of type string`);
}

const parseError = (text: string) => new UnreadableBody(`couldn't get version/kind; json parse error: ${text}`);

function parseApiVersion(text: string): { readonly group: string; readonly version: string } {
  const parts = text.split('/');
  if (parts.length > 2) throw new UnreadableBody(`unexpected GroupVersion string: ${text}`);
  return parts.length === 2
    ? { group: parts[0] as string, version: parts[1] as string }
    : { group: '', version: parts[0] as string };
}

function withDefaults(actual: GroupVersionKind, expected: GroupVersionKind): GroupVersionKind {
  const kind = actual.kind || expected.kind;
  if (actual.version !== '') return { ...actual, kind };
  return actual.group === '' || actual.group === expected.group ? { ...expected, kind } : { ...actual, kind };
}

const same = (a: GroupVersionKind, b: GroupVersionKind): boolean =>
  a.group === b.group && a.version === b.version && a.kind === b.kind;

/** Versions of one kind are one type inside; so are the two groups that events are in. */
const sharesForm = (a: GroupVersionKind, b: GroupVersionKind): boolean =>
  a.kind === b.kind && (a.group === b.group || a.kind === 'Event');

const internalPackage = ({ group, kind }: GroupVersionKind): string => (kind === 'Event' ? 'core' : tableOf(group));
