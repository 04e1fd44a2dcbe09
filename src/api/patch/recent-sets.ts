import { equalJson } from '../../base/json.ts';
import type { FieldSet } from './field-set.ts';

/** Larger sets are seldom equal, and long to compare. */
const elementsMax = 500;
/** As many different sets are looked at, the last used first. */
const setsMax = 8;

/**
 * The pods of one template are all owned alike: equal sets become one, so that ten thousand objects hold it once. The
 * copy that was just made is forgotten again while it is young.
 */
export class RecentSets {
  readonly #sets: FieldSet[] = [];

  shared(set: FieldSet): FieldSet {
    if (elementsIn(set, elementsMax) > elementsMax) return set;
    const place = this.#sets.findIndex((known) => equalJson(known, set));
    const one = place < 0 ? set : (this.#sets[place] as FieldSet);
    if (place === 0) return one;
    if (place > 0) this.#sets.splice(place, 1);
    else if (this.#sets.length >= setsMax) this.#sets.pop();
    this.#sets.unshift(one);
    return one;
  }
}

/** How many elements a set has; counting ends beyond `max`. */
function elementsIn(set: FieldSet, max: number): number {
  let count = 0;
  for (const element in set) {
    count += 1 + elementsIn(set[element] as FieldSet, max - count);
    if (count > max) return count;
  }
  return count;
}
