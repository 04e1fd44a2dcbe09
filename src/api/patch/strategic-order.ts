import { isObject, type Json } from '../../base/json.ts';

/** A list and the order that its elements shall have: whole elements, or objects that name them by their merge key. */
export interface OrderedList {
  readonly items: readonly Json[];
  readonly order: readonly Json[];
  readonly mergeKey: string | undefined;
}

/** The elements of the order merged into the list: into those with the same key, or behind them. */
export function merged(
  { items, order, mergeKey }: OrderedList,
  merge: (live: Json | undefined, item: Json) => Json,
): readonly Json[] {
  const out = [...items];
  const places = new Map<string, number>();
  out.forEach((item, index) => {
    const key = keyText(item, mergeKey);
    if (!places.has(key)) places.set(key, index);
  });
  for (const item of order) {
    const key = keyText(item, mergeKey);
    const place = places.get(key);
    if (place !== undefined) out[place] = merge(out[place], item);
    else places.set(key, out.push(merge(undefined, item)) - 1);
  }
  return ordered({ items: out, order, mergeKey }, items);
}

/**
 * What the order lists comes in that order. What it does not list keeps the order that it had, and comes before a
 * listed one only where it did so on the server.
 */
export function ordered({ items, order, mergeKey }: OrderedList, server: readonly Json[]): readonly Json[] {
  const wanted = placesOf(order, mergeKey);
  const served = placesOf(server, mergeKey);
  const placeIn = (places: ReadonlyMap<string, number>, item: Json) => places.get(keyText(item, mergeKey)) ?? -1;
  const listed = items.filter((item) => placeIn(wanted, item) >= 0);
  const others = items.filter((item) => placeIn(wanted, item) < 0);
  listed.sort((a, b) => placeIn(wanted, a) - placeIn(wanted, b));
  others.sort((a, b) => placeIn(served, a) - placeIn(served, b));
  const out: Json[] = [];
  let next = 0;
  for (const item of listed) {
    const place = placeIn(served, item);
    for (; next < others.length; next++) {
      const before = placeIn(served, others[next] as Json);
      if (before < 0 || before >= place) break;
      out.push(others[next] as Json);
    }
    out.push(item);
  }
  return [...out, ...others.slice(next)];
}

function placesOf(list: readonly Json[], mergeKey: string | undefined): ReadonlyMap<string, number> {
  const places = new Map<string, number>();
  list.forEach((item, index) => {
    const key = keyText(item, mergeKey);
    if (!places.has(key)) places.set(key, index);
  });
  return places;
}

function keyText(item: Json, mergeKey: string | undefined): string {
  const key = mergeKey !== undefined && isObject(item) ? item[mergeKey] : item;
  return JSON.stringify(key ?? null);
}
