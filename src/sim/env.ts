import type { Clock, Crypto, Env, Log, Metrics, Random } from '../base/env.ts';
import { hash32 } from '../base/hash.ts';

/** What a simulated process is given: shared time, chance of its own, and whoever reads its errors. */
export function simEnv(parts: { readonly clock: Clock; readonly random: Random; readonly log?: Log }): Env {
  return { clock: parts.clock, random: parts.random, log: parts.log ?? quiet, metrics: uncounted, crypto: toyCrypto };
}

const quiet: Log = { debug: () => {}, info: () => {}, error: () => {} };
const uncounted: Metrics = { count: () => {}, gauge: () => {}, observe: () => {} };

// Nothing in a simulation is secret: enough that different bytes have different digests and a wrong key is noticed.
const toyCrypto: Crypto = {
  digest,
  seal: (plain) => plain.map((byte) => byte ^ 0x5a),
  open: (sealed) => sealed.map((byte) => byte ^ 0x5a),
  sign: (bytes) => new TextEncoder().encode(digest(bytes)),
  verify: (bytes, signature) => new TextDecoder().decode(signature) === digest(bytes),
};

function digest(bytes: Uint8Array): string {
  const text = String.fromCharCode(...bytes);
  let chained = hash32(text);
  let hex = '';
  for (let word = 0; word < 8; word++) {
    chained = hash32(text, chained ^ word);
    hex += chained.toString(16).padStart(8, '0');
  }
  return hex;
}
