const fnvOffset = 0x811c9dc5;
const fnvPrime = 0x01000193;

/** FNV-1a over UTF-16 code units, 32 bits. Not for secrets; stable for ever. */
export function hash32(text: string, start: number = fnvOffset): number {
  let hash = start;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), fnvPrime);
  return hash >>> 0;
}

/** A running hash over many texts: the fingerprint of a simulation. */
export class Fingerprint {
  #low = fnvOffset;
  #high = 0x9747b28c;

  add(text: string): void {
    this.#low = hash32(text, this.#low);
    this.#high = Math.imul(hash32(text, this.#high) ^ this.#low, 0x85ebca6b) >>> 0;
  }

  toString(): string {
    return this.#high.toString(16).padStart(8, '0') + this.#low.toString(16).padStart(8, '0');
  }
}
