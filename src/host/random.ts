import { randomBytes, randomUUID } from 'node:crypto';
import type { Random } from '../base/env.ts';
import { seeded } from '../base/random.ts';

/** Chance that differs in every process. Uids come from the system, because they must differ between machines too. */
export function machineRandom(seed: string = randomBytes(16).toString('hex')): Random {
  const random = seeded(seed);
  return {
    ...random,
    uid: () => randomUUID(),
    fork: (label) => machineRandom(`${seed}/${label}`),
  };
}
