/** Lets so many do something at a time; the others wait: who finishes what was begun goes before who begins. */
export class Turns {
  readonly #width: number;
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  constructor(width: number) {
    this.#width = width;
  }

  async run<T>(action: () => Promise<T>, rank: 'begins' | 'finishes'): Promise<T> {
    if (this.#busy >= this.#width) {
      await new Promise<void>((resolve) => {
        if (rank === 'begins') this.#waiting.push(resolve);
        else this.#waiting.unshift(resolve);
      });
    } else this.#busy++;
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
