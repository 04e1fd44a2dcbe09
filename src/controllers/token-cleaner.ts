import { type Secret, secrets as secretKind } from '../api/kinds/secret.ts';
import { type Key, keyOf } from '../api/object.ts';
import type { Instant } from '../base/env.ts';
import { act } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';
import { isTokenSecret, readToken } from './bootstrap-token.ts';

/** Removes tokens with which nobody may join any more. */
export class TokenCleaner implements Controller<Secret> {
  readonly name = 'token-cleaner-controller';
  readonly #secrets: Cache<Secret>;

  constructor(secrets: Cache<Secret>) {
    this.#secrets = secrets;
  }

  sources(): readonly Source[] {
    return [source(this.#secrets, (secret) => (isTokenSecret(secret) ? [keyOf(secret)] : []))];
  }

  observe(key: Key): Secret | undefined {
    const secret = this.#secrets.get(key);
    return secret && isTokenSecret(secret) && !secret.metadata.deletionTimestamp ? secret : undefined;
  }

  plan(secret: Secret, now: Instant): Plan {
    const token = readToken(secret);
    if (!token || token.expiresAt === '') return nothing;
    // What cannot be read has passed.
    const left = (token.expiresAt ?? now) - now;
    if (left > 0) return { actions: [], again: left };
    const { uid } = secret.metadata;
    return { actions: [[act({ verb: 'delete', kind: secretKind, key: keyOf(secret), uid })]] };
  }
}
