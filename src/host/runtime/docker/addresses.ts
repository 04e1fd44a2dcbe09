/** The addresses of one node's pods. Who holds which is known from the engine, so nothing is written down here. */
export class PodAddresses {
  readonly #first: number;
  readonly #count: number;
  readonly #held = new Map<string, string>();
  #next = 0;

  /** `skip` leaves that many addresses at the beginning to others: the network itself, its gateway, process pods. */
  constructor(range: string, skip: number) {
    const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(range);
    const prefix = Number(match?.[5]);
    if (!match || prefix < 8 || prefix > 29) throw new Error(`${range} is no IPv4 range of pods from /8 to /29`);
    const base = match.slice(1, 5).reduce((sum, part) => sum * 256 + Number(part), 0);
    this.#first = base + skip;
    // The last address is broadcast.
    this.#count = 2 ** (32 - prefix) - skip - 1;
  }

  /** Idempotent by sandbox. Addresses go round, so that none is used again at once. */
  take(sandbox: string): string {
    const known = this.#held.get(sandbox);
    if (known) return known;
    const used = new Set(this.#held.values());
    for (let tries = 0; tries < this.#count; tries++) {
      const address = dotted(this.#first + (this.#next++ % this.#count));
      if (used.has(address)) continue;
      this.#held.set(sandbox, address);
      return address;
    }
    throw new Error(`all ${this.#count} pod addresses of this node are taken`);
  }

  /** One that somebody is known to have. */
  keep(sandbox: string, address: string): void {
    this.#held.set(sandbox, address);
  }

  release(sandbox: string): void {
    this.#held.delete(sandbox);
  }
}

const dotted = (address: number): string => [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
