import type { Service } from '../api/kinds/service.ts';
import type { Instant, Millis } from '../base/env.ts';
import type { Notice } from '../client/action.ts';

/** A Service is often made a moment before its pods. */
const patienceMs: Millis = 60_000;
const knownMax = 10_000;

interface Emptiness {
  readonly since: Instant;
  readonly told: boolean;
}

/** Warns of Services whose selector no pod has: nearly always one of the two was written wrong. */
export class EmptyServices {
  readonly #empty = new Map<string, Emptiness>();

  look({ metadata, spec }: Service, pods: number, now: Instant): { notices: readonly Notice[]; again?: Millis } {
    const { uid } = metadata;
    if (pods > 0) {
      this.#empty.delete(uid);
      return { notices: [] };
    }
    const known = this.#empty.get(uid) ?? { since: now, told: false };
    if (this.#empty.size >= knownMax) this.#empty.clear();
    const left = known.since + patienceMs - now;
    this.#empty.set(uid, { ...known, told: known.told || left <= 0 });
    if (known.told) return { notices: [] };
    if (left > 0) return { notices: [], again: left };
    const selector = Object.entries(spec.selector ?? {}).map(([key, value]) => `${key}=${value}`);
    const message = `No pod has the labels that this Service selects: ${selector.join(',')}`;
    const about = { metadata, spec, apiVersion: 'v1', kind: 'Service' } as Service;
    return { notices: [{ verb: 'event', about, type: 'Warning', reason: 'NoPodsSelected', message }] };
  }
}
