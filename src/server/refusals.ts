import type { ApiError } from '../api/error.ts';
import type { ApiRequest, Caller } from '../api/wire.ts';
import type { Env } from '../base/env.ts';
import { SparingLog } from '../base/sparing-log.ts';
import { isPart } from './auth/part-rights.ts';

/** Tells the log who was kept from what: never a token, a query or a body. */
export class Refusals {
  readonly #log: SparingLog;

  constructor(env: Env) {
    this.#log = new SparingLog(env);
  }

  tell({ method, path, from, headers, caller: connected }: ApiRequest, known: Caller | undefined, error: ApiError) {
    const { code, message } = error;
    if (code !== 401 && code !== 403) return;
    const caller = known ?? connected;
    // A quota that is used up, a namespace that ends: our own parts ask, hear it and ask again.
    if (caller && isPart(caller)) return;
    const who = { user: caller?.name, by: caller?.by?.name, from, userAgent: headers['user-agent'] };
    this.#log.info('a request was refused', { method, path, code, error: message, ...who });
  }
}
