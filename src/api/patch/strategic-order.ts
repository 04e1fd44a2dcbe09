import { isObject, type Json } from '../../base/json.ts';
import type { Steps, Stride } from '../../base/steps.ts';

/** A list and the order that its elements shall have: whole elements, or objects that name them by their merge key. */
export interface OrderedList {
  readonly items: readonly Json[];
  readonly order: readonly Json[];
  readonly mergeKey: string | undefined;
}

/** The elements of the order merged into the list: into those with the same key, or behind them. */
export function* merged(
  { items, order, mergeKey }: OrderedList,
  merge: (live: Json | undefined, item: Json) => Steps<Json>,
  stride: Stride,
): Steps<readonly Json[]> {
  const out = [...items];
  const places = yield* placesOf(out, mergeKey, stride);
  for (const item of order) {
    const key = keyText(item, mergeKey);
    const place = places.get(key);
    if (place !== undefined) out[place] = yield* merge(out[place], item);
    else places.set(key, out.push(yield* merge(undefined, item)) - 1);
  }
  return yield* ordered({ items: out, order, mergeKey }, items, stride);
}

/**
 * What the order lists comes in that order. What it does not list keeps the order that it had, and comes before a
 * listed one only where it did so on the server.
 */
export function* ordered(
  { items, order, mergeKey }: OrderedList,
  server: readonly Json[],
  stride: Stride,
): Steps<readonly Json[]> {
  const wanted = yield* placesOf(order, mergeKey, stride);
  const served = yield* placesOf(server, mergeKey, stride);
  const listed: Placed[] = [];
  const others: Placed[] = [];
  for (const item of items) {
    if (stride.isLong(2)) yield stride.taken();
    const key = keyText(item, mergeKey);
    const place = { item, wanted: wanted.get(key) ?? -1, served: served.get(key) ?? -1 };
    (place.wanted >= 0 ? listed : others).push(place);
  }
  listed.sort((a, b) => a.wanted - b.wanted);
  others.sort((a, b) => a.served - b.served);
  const out: Json[] = [];
  let next = 0;
  for (const { item, served: place } of listed) {
    if (stride.isLong(1)) yield stride.taken();
    for (; next < others.length; next++) {
      const other = others[next] as Placed;
      if (other.served < 0 || other.served >= place) break;
      out.push(other.item);
    }
    out.push(item);
  }
  for (; next < others.length; next++) out.push((others[next] as Placed).item);
  return out;
}

/** An element, and its places in the order and on the server: -1 where it has none. */
interface Placed {
  readonly item: Json;
  readonly wanted: number;
  readonly served: number;
}

function* placesOf(list: readonly Json[], mergeKey: string | undefined, stride: Stride): Steps<Map<string, number>> {
  const places = new Map<string, number>();
  for (const [index, item] of list.entries()) {
    if (stride.isLong(2)) yield stride.taken();
    const key = keyText(item, mergeKey);
    if (!places.has(key)) places.set(key, index);
  }
  return places;
}

function keyText(item: Json, mergeKey: string | undefined): string {
  const key = mergeKey !== undefined && isObject(item) ? item[mergeKey] : item;
  return JSON.stringify(key ?? null);
}
