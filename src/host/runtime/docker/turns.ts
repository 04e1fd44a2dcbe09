/** Lets so many do something at a time; the others wait in order. */
export class Turns {
  readonly #width: number;
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  constructor(width: number) {
    this.#width = width;
  }

  async run<T>(action: () => Promise<T>): Promise<T> {
    if (this.#busy >= this.#width) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#busy++;
    try {
      return await action();
    } finally {
      // A turn is handed on, not given back and taken again.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#busy--;
    }
  }
}
