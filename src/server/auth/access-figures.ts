import type { Labels, Metrics, Millis } from '../../base/env.ts';

const succeeded = Object.freeze({ result: 'success' });
const failed = Object.freeze({ result: 'failure' });
const allowed = Object.freeze({ result: 'allowed' });
const refused = Object.freeze({ result: 'denied' });

/** Names that upstream counts as they are; all others are put together, because clients make them up. */
const known = ['admin', 'client', 'kube_proxy', 'kubelet', 'system:serviceaccount:kube-system:default'];
const users = new Map<string, Labels>(known.map((username) => [username, Object.freeze({ username })]));
const mailed = Object.freeze({ username: 'email_id' });
const other = Object.freeze({ username: 'other' });

/** Who was believed and who was let in, and how long that took, under upstream's names. */
export class AccessFigures {
  readonly #metrics: Metrics;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  authenticated(name: string, tookMs: Millis): void {
    this.#metrics.count('authenticated_user_requests', users.get(name) ?? (name.includes('@') ? mailed : other));
    this.#metrics.count('authentication_attempts', succeeded);
    this.#metrics.observe('authentication_duration_seconds', tookMs / 1000, succeeded);
  }

  unknown(tookMs: Millis): void {
    this.#metrics.count('authentication_attempts', failed);
    this.#metrics.observe('authentication_duration_seconds', tookMs / 1000, failed);
  }

  allowed(tookMs: Millis): void {
    this.#metrics.count('authorization_attempts_total', allowed);
    this.#metrics.observe('authorization_duration_seconds', tookMs / 1000, allowed);
  }

  denied(tookMs: Millis): void {
    this.#metrics.count('authorization_attempts_total', refused);
    this.#metrics.observe('authorization_duration_seconds', tookMs / 1000, refused);
  }
}
