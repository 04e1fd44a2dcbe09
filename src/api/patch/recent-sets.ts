import { equalJson } from '../../base/json.ts';
import type { FieldSet } from './field-set.ts';

/** As many different sets are looked at, the last used first. */
const setsMax = 8;

/**
 * The pods of one template are all owned alike: equal sets become one, so that ten thousand objects hold it once. The
 * copy that was just made is forgotten again while it is young.
 */
export class RecentSets {
  readonly #sets: FieldSet[] = [];

  shared(set: FieldSet): FieldSet {
    const place = this.#sets.findIndex((known) => equalJson(known, set));
    const one = place < 0 ? set : (this.#sets[place] as FieldSet);
    if (place === 0) return one;
    if (place > 0) this.#sets.splice(place, 1);
    else if (this.#sets.length >= setsMax) this.#sets.pop();
    this.#sets.unshift(one);
    return one;
  }
}
