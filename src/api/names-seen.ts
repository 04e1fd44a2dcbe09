import type { Json } from '../base/json.ts';
import { ApiError } from './error.ts';

/**
 * As many different names of fields and keys of maps may stand in one body. Whoever has an object with a name in it has
 * the name in a table of the platform's, and while that is looked through all others wait. Upstream takes half a minute
 * for twice as many.
 */
export const namesMax = 100_000;

/** The names in one body, where it is long enough to have too many. */
export class NamesSeen {
  readonly #names = new Set<string>();

  /** `bytesPerName`: what a name and its value take at least, and what stands around them. */
  static in(length: number, bytesPerName: number): NamesSeen | undefined {
    return length / bytesPerName > namesMax ? new NamesSeen() : undefined;
  }

  add(name: string): void {
    this.#names.add(name);
    if (this.#names.size <= namesMax) return;
    throw new ApiError(
      'RequestEntityTooLarge',
      `Request entity too large: limit is ${namesMax} different names of fields and keys`,
    );
  }

  addAllIn(value: Json): void {
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) for (const item of value) this.addAllIn(item);
    else {
      for (const [name, member] of Object.entries(value)) {
        this.add(name);
        this.addAllIn(member as Json);
      }
    }
  }
}
