import { ApiError } from '../api/error.ts';
import { jsonType, type ApiRequest } from '../api/wire.ts';
import { decodeText, isObject, type Json, type JsonObject } from '../base/json.ts';

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
  const value = jsonBody(request);
  if (!isObject(value)) throw new ApiError('BadRequest', 'the body is not a JSON object');
  return value;
}
