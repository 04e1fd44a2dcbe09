import { equalJson, type Json, type JsonObject } from '../../base/json.ts';
import { isListed } from '../../base/steps.ts';
import type { ListShape, Shape } from './shape.ts';

/**
 * Whether two values surely have the same paths, seen from the same `start`: found out without making any. Where it
 * would be long to find out, they have not.
 */
export function samePaths(shape: Shape, a: Json | undefined, b: Json | undefined, start?: Json): boolean {
  // What two texts say makes no path: long ones take a while to compare.
  if (typeof a === 'string' && typeof b === 'string' && start === undefined) return true;
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  // What was there before counts by its value, where it is more than a container that is filled now.
  if (start !== undefined && !(isFilled(a) && isFilled(b))) return equalJson(a, b);
  if (!isContainer(a) || !isContainer(b)) return !isContainer(a) && !isContainer(b);
  if (shape.is === 'scalar') return true;
  if (Array.isArray(a) || Array.isArray(b)) {
    return shape.is === 'list' && Array.isArray(a) && Array.isArray(b) && sameItems(shape, a, b);
  }
  if (shape.is === 'list') return false;
  if (shape.is === 'opaque' || (shape.is !== 'deduced' && shape.atomic)) return start === undefined || equalJson(a, b);
  // Fields that a struct has are few. What `b` is compared with is never long.
  if (shape.is !== 'struct' && isListed(b)) return false;
  const before = isContainer(start) && !Array.isArray(start) ? (start as JsonObject) : undefined;
  const [left, right] = [a as JsonObject, b as JsonObject];
  for (const name in left) {
    const member = memberShape(shape, name);
    if (member && !samePaths(member, left[name], right[name], before?.[name])) return false;
  }
  for (const name in right) {
    if (left[name] === undefined && right[name] !== undefined && memberShape(shape, name)) return false;
  }
  return true;
}

function memberShape(shape: Exclude<Shape, ListShape>, name: string): Shape | undefined {
  if (shape.is === 'struct') return shape.member(name)?.shape;
  return shape.is === 'map' ? shape.values : shape;
}

/** Of lists whose items are owned one by one, the same ones have to stand in the same places. */
function sameItems(shape: ListShape, a: readonly Json[], b: readonly Json[]): boolean {
  if (shape.how === 'atomic') return true;
  if (a.length !== b.length) return false;
  return a.every((item, index) => {
    const other = b[index] as Json;
    if (shape.how === 'set' || !isContainer(item) || !isContainer(other)) return equalJson(item, other);
    for (const { name } of shape.keys) {
      if (!equalJson((item as JsonObject)[name], (other as JsonObject)[name])) return false;
    }
    return samePaths(shape.items, item, other);
  });
}

const isContainer = (value: Json | undefined): value is JsonObject | readonly Json[] =>
  typeof value === 'object' && value !== null;

function isFilled(value: Json): boolean {
  if (!isContainer(value)) return false;
  if (isListed(value)) return true;
  for (const _ in value) return true;
  return false;
}
