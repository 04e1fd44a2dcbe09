import { randomUUID } from 'node:crypto';
import { type ApiRequest, type ApiResponse, jsonType } from '../../api/wire.ts';
import { encodeText } from '../../base/json.ts';
import { limits } from './limits.ts';

/** What was asked, as far as it decides how the answer is written. */
export interface Asked {
  readonly method: string;
  readonly headers: ApiRequest['headers'];
}

/** All of an answer that is bytes. */
export interface Whole {
  readonly chunks: readonly Uint8Array[];
  readonly mediaType: string;
  readonly size: number;
  readonly isCompressed: boolean;
}

/** Undefined for a watch or a stream. */
export function wholeOf(asked: Asked, answer: ApiResponse): Whole | undefined {
  let chunks: readonly Uint8Array[];
  let mediaType = jsonType;
  if ('chunks' in answer) {
    ({ chunks, mediaType } = answer);
  } else if ('body' in answer) {
    const { body } = answer;
    if ('bytes' in body) mediaType = body.mediaType;
    chunks = ['bytes' in body ? body.bytes : encodeText(`${JSON.stringify(body.object)}\n`)];
  } else {
    return undefined;
  }
  let size = 0;
  for (const chunk of chunks) size += chunk.length;
  const isCompressed = size > limits.compressBytesMin && asked.method === 'GET' && acceptsGzip(asked);
  return { chunks, mediaType, size, isCompressed };
}

export const isShort = ({ size, isCompressed }: Whole): boolean => !isCompressed && size <= limits.sliceBytes;

/** Names and values in turns. The names that the answer brings itself win over those that every answer has. */
export function headOf(answer: ApiResponse, mediaType: string, more: readonly string[]): string[] {
  let audit = true;
  let cache = true;
  const head: string[] = [];
  for (const name in answer.headers) {
    const lower = name.toLowerCase();
    if (lower === 'audit-id') audit = false;
    else if (lower === 'cache-control') cache = false;
    else if (lower === 'content-type' || lower === 'content-length') continue;
    for (const value of (answer.headers[name] as string).split('\n')) head.push(name, value);
  }
  if (audit) head.push('Audit-Id', randomUUID());
  if (cache) head.push('Cache-Control', 'no-cache, private');
  if (mediaType) head.push('Content-Type', mediaType);
  if (answer.status !== 204) head.push(...more);
  return head;
}

/** Unless `identity` alone is wanted, as `gzip;q=0` says. */
export function acceptsGzip(asked: Asked): boolean {
  if (asked.headers.range !== undefined) return false;
  return /(^|[\s,])gzip\s*(;\s*q=(?!0(\.0*)?\s*(,|$))[^,]*)?\s*(,|$)/i.test(asked.headers['accept-encoding'] ?? '');
}
