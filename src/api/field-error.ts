import type { Json } from '../base/json.ts';
import { ApiError, type Cause } from './error.ts';

export type FieldErrorType =
  | 'Required'
  | 'Invalid'
  | 'Forbidden'
  | 'NotSupported'
  | 'Duplicate'
  | 'NotFound'
  | 'TypeInvalid'
  | 'TooLong'
  | 'TooMany'
  | 'TooFew'
  | 'Internal';

/** One thing wrong with one field. `text` is the sentence after the path, as Kubernetes words it. */
export interface FieldError {
  readonly path: string;
  readonly type: FieldErrorType;
  readonly text: string;
}

const causeReason: Readonly<Record<FieldErrorType, string>> = {
  Required: 'FieldValueRequired',
  Invalid: 'FieldValueInvalid',
  Forbidden: 'FieldValueForbidden',
  NotSupported: 'FieldValueNotSupported',
  Duplicate: 'FieldValueDuplicate',
  NotFound: 'FieldValueNotFound',
  TypeInvalid: 'FieldValueTypeInvalid',
  TooLong: 'FieldValueTooLong',
  TooMany: 'FieldValueTooMany',
  TooFew: 'FieldValueTooFew',
  Internal: 'InternalError',
};

export const required = (path: string, detail = ''): FieldError => ({
  path,
  type: 'Required',
  text: detail ? `Required value: ${detail}` : 'Required value',
});
export const invalid = (path: string, value: unknown, detail: string): FieldError => ({
  path,
  type: 'Invalid',
  text: `Invalid value: ${shown(value)}: ${detail}`,
});
export const forbidden = (path: string, detail: string): FieldError => ({
  path,
  type: 'Forbidden',
  text: `Forbidden: ${detail}`,
});
export const notSupported = (path: string, value: unknown, supported: readonly string[]): FieldError => ({
  path,
  type: 'NotSupported',
  text: `Unsupported value: ${shown(value)}${supported.length > 0 ? `: supported values: ${supported.map((s) => JSON.stringify(s)).join(', ')}` : ''}`,
});
export const duplicate = (path: string, value: unknown): FieldError => ({
  path,
  type: 'Duplicate',
  text: `Duplicate value: ${shown(value)}`,
});
export const notFound = (path: string, value: unknown): FieldError => ({
  path,
  type: 'NotFound',
  text: `Not found: ${shown(value)}`,
});
/** What upstream could not find out, and tells among what is wrong. */
export const internal = (path: string, detail: string): FieldError => ({
  path,
  type: 'Internal',
  text: `Internal error: ${detail}`,
});
export const tooLong = (path: string, max: number): FieldError => ({
  path,
  type: 'TooLong',
  text: `Too long: may not be more than ${max} bytes`,
});
export const tooMany = (path: string, count: number, max: number): FieldError => ({
  path,
  type: 'TooMany',
  text: `Too many: ${count}: must have at most ${max} item${max === 1 ? '' : 's'}`,
});

/** A value that is longer is cut: it stands in an answer twice, and everybody waits while that is written. */
const shownMax = 16 * 1024;

function shown(value: unknown): string {
  if (value === undefined) return '""';
  if (typeof value === 'string' && value.length > shownMax) return `${JSON.stringify(value.slice(0, shownMax))}...`;
  const text = JSON.stringify(value as Json);
  return typeof value === 'object' && text.length > shownMax ? `${text.slice(0, shownMax)}...` : text;
}

/** As many errors are told, no more: an answer of megabytes would help nobody. */
export const toldMax = 1_000;

/** The 422 answer for an object with these errors. Equal errors are told once, as upstream does. */
export function invalidObject(
  kind: { readonly group: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): ApiError {
  const told = errors.length > toldMax ? errors.slice(0, toldMax) : errors;
  const causes: Cause[] = told.map((error) => ({
    reason: causeReason[error.type],
    message: error.text,
    field: error.path,
  }));
  const lines = [...new Set(told.map((error) => `${error.path}: ${error.text}`))];
  const list = lines.length === 1 ? (lines[0] as string) : `[${lines.join(', ')}]`;
  const subject = kind.group ? `${kind.kind}.${kind.group}` : kind.kind;
  return new ApiError('Invalid', `${subject} ${JSON.stringify(name)} is invalid: ${list}`, {
    name,
    ...(kind.group ? { group: kind.group } : {}),
    kind: kind.kind,
    causes,
  });
}
