/** How much may wait for its reader before whoever writes has to wait as well. */
const waitingBytesMax = 256 * 1024;

/** Bytes from one writer to one reader, with patience on both sides: neither memory nor time runs away. */
export class Pipe implements AsyncIterable<Uint8Array> {
  readonly #chunks: Uint8Array[] = [];
  #size = 0;
  #ended = false;
  #wakeReader: (() => void) | undefined;
  #wakeWriters: (() => void)[] = [];

  /** Resolves when there is room again, or nobody reads any more: then the bytes are dropped. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#ended || bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#size += bytes.length;
    this.#wakeReader?.();
    while (!this.#ended && this.#size > waitingBytesMax) {
      await new Promise<void>((resolve) => this.#wakeWriters.push(resolve));
    }
  }

  /** What was written before is still read. */
  end(): void {
    this.#ended = true;
    this.#wakeReader?.();
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        for (let chunk = this.#chunks.shift(); chunk; chunk = this.#chunks.shift()) {
          this.#size -= chunk.length;
          this.#wake();
          yield chunk;
        }
        if (this.#ended) return;
        await new Promise<void>((resolve) => {
          this.#wakeReader = resolve;
        });
        this.#wakeReader = undefined;
      }
    } finally {
      this.end();
    }
  }

  #wake(): void {
    const waiting = this.#wakeWriters;
    this.#wakeWriters = [];
    for (const resolve of waiting) resolve();
  }
}
