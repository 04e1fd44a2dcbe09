import { ApiError } from '../api/error.ts';
import type { KubeObject } from '../api/object.ts';
import { copied } from '../api/patch/merge.ts';
import { readerOf } from '../api/schema/kind-type.ts';
import { type ApiRequest, queryValue } from '../api/wire.ts';
import { isObject, type Json, type JsonObject } from '../base/json.ts';
import { finish, isListed, type Steps, Stride } from '../base/steps.ts';
import { type BodyValue, readBody, requireShort, UnreadableBody, unknownField } from './body.ts';
import { type GroupVersionKind, identify, unrecognized } from './identify.ts';

export interface Decoded {
  readonly object: KubeObject;
  /** Sentences for Warning headers. */
  readonly warnings: readonly string[];
}

/** The object in a short body, checked against what its kind looks like; only what the kind has is kept. */
export function decodeObject(request: ApiRequest, expected: GroupVersionKind): Decoded {
  requireShort(request);
  return finish(readObject(request, expected));
}

/** The same for bodies that may be long. */
export function* readObject(request: ApiRequest, expected: GroupVersionKind): Steps<Decoded> {
  const fieldValidation = queryValue(request.query, 'fieldValidation');
  const body = yield* identified(request, expected, fieldValidation !== 'Ignore');
  return yield* checkedInSteps(isObject(body.value) ? body.value : {}, expected, fieldValidation, body);
}

function* identified(request: ApiRequest, expected: GroupVersionKind, strict: boolean): Steps<BodyValue> {
  try {
    const body = yield* readBody(request, strict);
    identify(body.value, expected, request);
    return body;
  } catch (error) {
    if (error instanceof UnreadableBody) throw unrecognized(error.message, expected, request);
    throw error;
  }
}

/** The same for a value that is known to be of the kind: what a patch made. */
export const checked = (value: JsonObject, expected: GroupVersionKind, fieldValidation: string | undefined): Decoded =>
  finish(checkedInSteps(value, expected, fieldValidation, { complaints: [] }));

function* checkedInSteps(
  value: JsonObject,
  expected: GroupVersionKind,
  fieldValidation: string | undefined,
  { complaints, inOrder }: Omit<BodyValue, 'value'>,
): Steps<Decoded> {
  const apiVersion = expected.group ? `${expected.group}/${expected.version}` : expected.version;
  requireSame('API version', value.apiVersion, apiVersion);
  requireSame('kind', value.kind, expected.kind);
  const read = readerOf(expected);
  const typed = yield* calling(value, { apiVersion, kind: expected.kind });
  if (!read) return { object: withMetadata(typed), warnings: judge(complaints, expected, fieldValidation) };
  const walked = yield* read(typed);
  if (walked.errors.length > 0) throw cannotHandle(expected, walked.errors[0] as string);
  // Upstream reads custom objects without a type first, and tells what it does not know when it looks at the schema.
  const ordered = 'custom' in expected ? undefined : inOrder;
  const odd = ordered ? yield* ordered(walked.unknown) : [...complaints, ...walked.unknown.map(unknownField)];
  return {
    object: withMetadata({ ...walked.value, apiVersion, kind: expected.kind }),
    warnings: judge(odd, expected, fieldValidation),
  };
}

/** The value calling itself so. It may have a hundred thousand members that nobody knows. */
export function* calling(
  value: JsonObject,
  identity: { readonly apiVersion: string; readonly kind: string },
): Steps<JsonObject> {
  if (value.apiVersion === identity.apiVersion && value.kind === identity.kind) return value;
  return isListed(value) ? Object.assign(yield* copied(value, new Stride()), identity) : { ...value, ...identity };
}

const withMetadata = (value: JsonObject): KubeObject =>
  (isObject(value.metadata) ? value : { ...value, metadata: {} }) as unknown as KubeObject;

const cannotHandle = ({ kind, version }: GroupVersionKind, why: string) =>
  new ApiError('BadRequest', `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${why}`);

function requireSame(what: string, given: Json | undefined, expected: string): void {
  if (given === undefined || given === null || given === '' || given === expected) return;
  throw new ApiError(
    'BadRequest',
    `the ${what} in the data (${String(given)}) does not match the expected ${what} (${expected})`,
  );
}

/** What is wrong with the fields themselves: told in warnings, refused where the client is strict about it. */
function judge(sentences: readonly string[], expected: GroupVersionKind, mode = 'Warn'): readonly string[] {
  if (sentences.length === 0 || mode === 'Ignore') return [];
  if (mode === 'Strict') throw cannotHandle(expected, `strict decoding error: ${sentences.join(', ')}`);
  return sentences;
}
