/** Is what it is given: whoever extends it adds a private field to an object that is there already. */
class Given {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: this is how a field gets onto an object of others
    return object;
  }
}

/** Something about objects that others made. */
export interface Beside<O extends object, V> {
  get(of: O): V | undefined;
  set(of: O, value: V): void;
}

/**
 * Hangs a value on the object itself, where nobody else sees it and no copy takes it along, as a WeakMap would say it
 * of the object. A WeakMap of a hundred thousand entries, or of a value with as many members, made the collector of
 * garbage stop everything for 35 to 50 ms: it follows what only such a map leads to while all wait.
 */
export function beside<O extends object, V>(): Beside<O, V> {
  return class Kept extends Given {
    #value: V | undefined;

    constructor(object: O, value: V) {
      super(object);
      this.#value = value;
    }

    static get(of: O): V | undefined {
      return #value in of ? of.#value : undefined;
    }

    static set(of: O, value: V): void {
      if (#value in of) of.#value = value;
      else new Kept(of, value);
    }
  };
}
