import { ApiError } from '../api/error.ts';
import type { Kind } from '../api/kind.ts';
import type { KubeObject } from '../api/object.ts';
import { decodeProtobuf } from '../api/protobuf.ts';
import { ProtobufError } from '../api/protobuf-wire.ts';
import { schemaOf } from '../api/schema/schema.ts';
import { walk } from '../api/schema/walker.ts';
import { type ApiRequest, jsonType, protobufType, queryValue } from '../api/wire.ts';
import { decodeText, isObject, type Json, type JsonObject } from '../base/json.ts';

export interface Decoded {
  readonly object: KubeObject;
  /** Sentences for Warning headers. */
  readonly warnings: readonly string[];
}

type GroupVersionKind = Pick<Kind, 'group' | 'version' | 'kind'>;

/** The media type without its parameters. */
export function mediaTypeOf(request: ApiRequest): string {
  if (!request.body || 'object' in request.body) return jsonType;
  return (request.body.mediaType.split(';')[0] as string).trim().toLowerCase() || jsonType;
}

/** The JSON value of a body that is JSON, or already an object. */
export function jsonBody(request: ApiRequest): Json {
  const { body } = request;
  if (!body) return {};
  if ('object' in body) return body.object;
  if (body.bytes.length === 0) return {};
  try {
    return JSON.parse(decodeText(body.bytes));
  } catch (error) {
    throw new ApiError('BadRequest', `the body is not valid JSON: ${(error as Error).message}`);
  }
}

export function objectBody(request: ApiRequest): JsonObject {
  const value = bodyValue(request);
  if (!isObject(value)) throw new ApiError('BadRequest', 'the body is not a JSON object');
  return value;
}

function bodyValue(request: ApiRequest): Json {
  const mediaType = mediaTypeOf(request);
  if (mediaType === jsonType) return jsonBody(request);
  if (mediaType === protobufType) return protobufBody(request);
  throw new ApiError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${[jsonType, protobufType].join(', ')}`,
  );
}

function protobufBody(request: ApiRequest): Json {
  const bytes = request.body && 'bytes' in request.body ? request.body.bytes : new Uint8Array();
  if (bytes.length === 0) return {};
  try {
    const { apiVersion, kind, value } = decodeProtobuf(bytes);
    return { ...(value as JsonObject), apiVersion, kind };
  } catch (error) {
    if (error instanceof ProtobufError)
      throw new ApiError('BadRequest', `the body is not valid protobuf: ${error.message}`);
    throw error;
  }
}

/** The object in a body, checked against what its kind looks like; only what the kind has is kept. */
export function decodeObject(request: ApiRequest, expected: GroupVersionKind): Decoded {
  return checked(objectBody(request), expected, queryValue(request.query, 'fieldValidation'));
}

export function checked(value: JsonObject, expected: GroupVersionKind, fieldValidation: string | undefined): Decoded {
  const apiVersion = expected.group ? `${expected.group}/${expected.version}` : expected.version;
  requireSame('API version', value.apiVersion, apiVersion);
  requireSame('kind', value.kind, expected.kind);
  const type = schemaOf(expected);
  const typed = { ...value, apiVersion, kind: expected.kind };
  if (!type) return { object: withMetadata(typed), warnings: [] };
  const walked = walk(type, typed);
  if (walked.errors.length > 0) {
    throw new ApiError(
      'BadRequest',
      `${expected.kind} in version ${JSON.stringify(expected.version)} cannot be handled as a ${expected.kind}: ${walked.errors[0]}`,
    );
  }
  return {
    object: withMetadata({ ...walked.value, apiVersion, kind: expected.kind }),
    warnings: judgeUnknown(walked.unknown, expected, fieldValidation),
  };
}

const withMetadata = (value: JsonObject): KubeObject =>
  ({ ...value, metadata: isObject(value.metadata) ? value.metadata : {} }) as unknown as KubeObject;

function requireSame(what: string, given: Json | undefined, expected: string): void {
  if (given === undefined || given === '' || given === expected) return;
  throw new ApiError(
    'BadRequest',
    `the ${what} in the data (${String(given)}) does not match the expected ${what} (${expected})`,
  );
}

function judgeUnknown(unknown: readonly string[], expected: GroupVersionKind, mode = 'Warn'): readonly string[] {
  if (!['Strict', 'Warn', 'Ignore', ''].includes(mode)) {
    throw new ApiError(
      'Invalid',
      `fieldValidation: Unsupported value: ${JSON.stringify(mode)}: supported values: "", "Ignore", "Strict", "Warn"`,
    );
  }
  if (unknown.length === 0 || mode === 'Ignore') return [];
  const sentences = unknown.map((path) => `unknown field ${JSON.stringify(path)}`);
  if (mode !== 'Strict') return sentences;
  throw new ApiError(
    'BadRequest',
    `${expected.kind} in version ${JSON.stringify(expected.version)} cannot be handled as a ${expected.kind}: strict decoding error: ${sentences.join(', ')}`,
  );
}
