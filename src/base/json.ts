import { membersIn, namesIn, type Steps, Stride, stepMembersMax } from './steps.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** UTF-16 takes at most three bytes of UTF-8 for each of its units. */
const bytesPerUnit = 3;
/** The platform takes longer to find room for a few bytes than to write them: short texts share it. */
const roomBytes = 32 * 1024;
const shortBytesMax = 8 * 1024;
let room = new Uint8Array(0);
let used = 0;

export function encodeText(text: string): Uint8Array {
  const most = text.length * bytesPerUnit;
  if (most > shortBytesMax) return encoder.encode(text);
  if (used + most > room.length) {
    room = new Uint8Array(roomBytes);
    used = 0;
  }
  const start = used;
  used += encoder.encodeInto(text, room.subarray(start, start + most)).written;
  return room.subarray(start, used);
}
/** As much of a text as there is room for: how many code units were read, and how many bytes that made. */
export const encodeInto = (text: string, room: Uint8Array) => encoder.encodeInto(text, room);
/** Throws a TypeError where the bytes are not UTF-8. */
export const decodeText = (bytes: Uint8Array): string => decoder.decode(bytes);

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One text per value: keys in code-unit order, so that equal values have equal texts and equal hashes. */
export function canonicalJson(value: Json | undefined): string {
  if (value === undefined) return 'null';
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const object = value as JsonObject;
  const members: string[] = [];
  for (const key of Object.keys(object).sort()) {
    const member = object[key];
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`);
  }
  return `{${members.join(',')}}`;
}

/** Deep equality of JSON values. A key whose value is undefined counts as absent. */
export function equalJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => equalJson(item, b[index]));
  }
  if (Array.isArray(b)) return false;
  const left = a as JsonObject;
  const right = b as JsonObject;
  for (const key in left) if (!equalJson(left[key], right[key])) return false;
  for (const key in right) if (right[key] !== undefined && left[key] === undefined) return false;
  return true;
}

/** The same for values that may be long. */
export function* equalJsonInSteps(a: unknown, b: unknown, stride: Stride = new Stride()): Steps<boolean> {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const members = membersIn(a);
  if (stride.isLong(members)) yield stride.taken();
  if (members < stepMembersMax) return equalJson(a, b);
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const left = a as JsonObject;
  const right = b as JsonObject;
  if (Array.isArray(a) && a.length !== (b as unknown as readonly Json[]).length) return false;
  for (const key of namesIn(left)) {
    if (typeof left[key] !== 'object') {
      if (left[key] !== right[key]) return false;
    } else if (!(yield* equalJsonInSteps(left[key], right[key], stride))) return false;
    if (stride.isLong(1)) yield stride.taken();
  }
  let count = 0;
  for (const key of namesIn(right)) {
    if (right[key] !== undefined && left[key] === undefined) return false;
    if (++count % stepMembersMax === 0) yield stepMembersMax;
  }
  return true;
}

/** Freezes a value all the way down: shared objects cannot be changed by whoever reads them. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const key in value) deepFreeze(value[key]);
  }
  return value;
}
