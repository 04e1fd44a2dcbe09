import type { Cancel, Instant, Millis } from '../base/env.ts';
import { openPki, type Pki } from '../host/x509/pki.ts';

type Follower = (pki: Pki) => void | Promise<void>;

/** Often enough for certificates that are renewed two months before they end. */
const lookAgainAfterMs: Millis = 12 * 60 * 60 * 1000;

/** The keys of a cluster as they are on the disk: what is renewed or rotated there is used without a restart. */
export class ClusterKeys {
  readonly #open: () => Pki;
  readonly #followers: Follower[] = [];
  #pki: Pki;

  constructor(directory: string, serverNames: readonly string[]) {
    this.#open = () => openPki({ directory, serverNames, now: Date.now() as Instant });
    this.#pki = this.#open();
  }

  get pki(): Pki {
    return this.#pki;
  }

  /** Called with what changed, one after another. */
  follow(follower: Follower): void {
    this.#followers.push(follower);
  }

  /** Reads all again. Certificates near their end are made anew by that. */
  async renew(): Promise<void> {
    const next = this.#open();
    this.#pki = next;
    for (const follower of this.#followers) await follower(next);
  }

  /** By itself from now on. */
  renewInTime(failed: (error: unknown) => void): Cancel {
    const timer = setInterval(() => void this.renew().catch(failed), lookAgainAfterMs);
    timer.unref();
    return () => clearInterval(timer);
  }
}
