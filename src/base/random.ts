import type { Random } from './env.ts';

// The letters of generated names, as Kubernetes has them: no vowels (no words), no 0, 1, 3 (no look-alikes).
const suffixAlphabet = 'bcdfghjklmnpqrstvwxz2456789';
const hexDigits = '0123456789abcdef';

/** sfc32, seeded from a string. Small, fast, passes PractRand; not for secrets. */
export function seeded(seed: string): Random {
  const next = generator(seed);
  const below = (bound: number) => Math.floor((next() / 4294967296) * bound);
  const draw = (length: number, alphabet: string) => {
    let text = '';
    for (let i = 0; i < length; i++) text += alphabet[below(alphabet.length)];
    return text;
  };
  return {
    float: () => next() / 4294967296,
    below,
    suffix: (length) => draw(length, suffixAlphabet),
    uid: () =>
      `${draw(8, hexDigits)}-${draw(4, hexDigits)}-4${draw(3, hexDigits)}-` +
      `${draw(1, '89ab')}${draw(3, hexDigits)}-${draw(12, hexDigits)}`,
    fork: (label) => seeded(`${seed}/${label}`),
  };
}

function generator(seed: string): () => number {
  let hash = 2166136261 >>> 0;
  for (let i = 0; i < seed.length; i++) hash = Math.imul(hash ^ seed.charCodeAt(i), 16777619) >>> 0;
  const mix = () => {
    hash = Math.imul(hash ^ (hash >>> 15), 2246822519);
    hash = Math.imul(hash ^ (hash >>> 13), 3266489917);
    hash = (hash ^ (hash >>> 16)) >>> 0;
    return hash;
  };
  let a = mix();
  let b = mix();
  let c = mix();
  let counter = 1;
  const next = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  };
  // The first outputs still show the seed.
  for (let i = 0; i < 12; i++) next();
  return next;
}
