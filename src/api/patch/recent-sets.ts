import { equalJson, type JsonObject } from '../../base/json.ts';
import { isListed } from '../../base/steps.ts';
import type { KubeObject, ManagedFields } from '../object.ts';
import type { FieldSet } from './field-set.ts';
import type { Followed, Write } from './managed-fields.ts';
import { samePaths } from './same-paths.ts';

/** Larger sets are seldom equal, and long to compare. */
const elementsMax = 500;
/** As many different sets are looked at, the last used first. */
const setsMax = 8;
const examplesMax = 2;

interface Example {
  readonly object: KubeObject;
  readonly write: Write;
  readonly made: readonly ManagedFields[];
}
type Seen = Pick<Followed, 'shape' | 'empty' | 'ignored'>;

/**
 * The pods of one template are all owned alike: equal sets become one, so that ten thousand objects hold it once. The
 * copy that was just made is forgotten again while it is young.
 */
export class RecentSets {
  readonly #sets: FieldSet[] = [];
  #examples: readonly Example[] = [];

  /** The owners of a new object whose fields are those of one that the same program made in the same second. */
  alike({ shape, empty, ignored }: Seen, object: KubeObject, write: Write): readonly ManagedFields[] | undefined {
    for (const example of this.#examples) {
      if (example.write.manager !== write.manager || example.write.time !== write.time) continue;
      if (sameMembers({ shape, empty, ignored }, example.object, object)) return example.made;
    }
    return undefined;
  }

  remember(example: Example): void {
    if (example.made.some(({ fieldsV1 }) => large.has(fieldsV1 as FieldSet))) return;
    this.#examples = [example, ...this.#examples.slice(0, examplesMax - 1)];
  }

  shared(set: FieldSet): FieldSet {
    if (isLarge(set)) return set;
    const place = this.#sets.findIndex((known) => equalJson(known, set));
    const one = place < 0 ? set : (this.#sets[place] as FieldSet);
    if (place === 0) return one;
    if (place > 0) this.#sets.splice(place, 1);
    else if (this.#sets.length >= setsMax) this.#sets.pop();
    this.#sets.unshift(one);
    return one;
  }
}

/** Those that were counted once: to look at them again would take as long. */
const large = new WeakSet<FieldSet>();

function isLarge(set: FieldSet): boolean {
  if (elementsIn(set, elementsMax) <= elementsMax) return false;
  large.add(set);
  return true;
}

function sameMembers({ shape, empty, ignored }: Seen, a: KubeObject, b: KubeObject): boolean {
  const [left, right] = [a, b] as unknown as readonly [JsonObject, JsonObject];
  for (const name in left) {
    const member = ignored.has(name) ? undefined : shape.member(name);
    if (member && !samePaths(member.shape, left[name], right[name], empty[name])) return false;
  }
  for (const name in right) if (left[name] === undefined && !ignored.has(name) && shape.member(name)) return false;
  return true;
}

/** How many elements a set has; counting ends beyond `max`. */
function elementsIn(set: FieldSet, max: number): number {
  if (isListed(set)) return max + 1;
  let count = 0;
  for (const element in set) {
    count += 1 + elementsIn(set[element] as FieldSet, max - count);
    if (count > max) return count;
  }
  return count;
}
