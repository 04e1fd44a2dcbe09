import type { Json } from '../base/json.ts';

/** Every reason that the API answers with, and its HTTP status. A closed list: the one place where they meet. */
export const reasonStatus = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  Gone: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  /** An error that upstream gives no reason for. */
  '': 500,
  ServiceUnavailable: 503,
  Timeout: 504,
} as const;
export type Reason = keyof typeof reasonStatus;

export interface Cause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}
export interface Details {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly Cause[];
  readonly retryAfterSeconds?: number;
}

/** What a user or client did that cannot be done: expected, answered as metav1.Status, never a bug. */
export class ApiError extends Error {
  readonly reason: Reason;
  readonly details: Details | undefined;
  /** Where one reason has several codes: 507 for a full disk, 409 for a conflict in apply. */
  readonly code: number;
  /** Of the Status: where a list goes on. */
  readonly metadata: Json = {};
  constructor(reason: Reason, message: string, details?: Details, code: number = reasonStatus[reason]) {
    super(message);
    this.name = 'ApiError';
    this.reason = reason;
    this.details = details;
    this.code = code;
  }
}

export const isApiError = (error: unknown, ...reasons: readonly Reason[]): error is ApiError =>
  error instanceof ApiError && (reasons.length === 0 || reasons.includes(error.reason));

/** metav1.Status as the server answers it. */
export function statusOf(error: ApiError): Json {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: error.metadata,
    status: 'Failure',
    message: error.message,
    reason: error.reason,
    ...(error.details ? { details: error.details as Json } : {}),
    code: error.code,
  };
}

/** The error that a Status stands for, at the client's end. */
export function errorOf(status: unknown, code: number): ApiError {
  const { reason, message, details } = (status ?? {}) as { reason?: string; message?: string; details?: Details };
  const known = reason !== undefined && reason in reasonStatus ? (reason as Reason) : reasonFor(code);
  return new ApiError(known, message ?? `the server answered ${code}`, details, code);
}

function reasonFor(code: number): Reason {
  for (const [reason, status] of Object.entries(reasonStatus)) if (status === code) return reason as Reason;
  return 'InternalError';
}
