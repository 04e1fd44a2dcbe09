import { ApiError } from '../api/error.ts';
import type { KubeObject } from '../api/object.ts';
import type { JsonObject } from '../base/json.ts';
import { weigh } from '../store/history.ts';
import { withManaged } from './field-tracker.ts';
import type { WriteOptions } from './write.ts';

/**
 * As much as one object may take in the store, as JSON: patches could make it longer without end otherwise. Upstream's
 * store takes 1.5 MiB, of protobuf where it can, which is shorter.
 */
export const storedBytesMax = 2 * 1024 * 1024;

/**
 * The object as there is room for it: without who owns its fields where it would be too long with them, as upstream
 * does. Not where it was applied: without owners an apply would mean something else. What the server itself adds,
 * when something is deleted or bound, it always adds.
 */
export function roomFor(object: KubeObject, by: Pick<WriteOptions, 'manager' | 'applied'>): KubeObject {
  const isOwn = by.manager === undefined && !by.applied;
  if (isOwn || sizeOf(object) <= storedBytesMax) return object;
  const bare = by.applied ? object : withManaged(object, undefined);
  const size = sizeOf(bare);
  if (size <= storedBytesMax) return bare;
  throw new ApiError(
    'RequestEntityTooLarge',
    `Request entity too large: the object would take ${size} bytes in the store, limit is ${storedBytesMax}`,
  );
}

const sizeOf = (object: KubeObject): number => weigh(object as unknown as JsonObject);
