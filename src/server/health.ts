import type { ApiRequest, ApiResponse } from '../api/wire.ts';
import { encodeText } from '../base/json.ts';
import { pageNotFound } from './unrouted.ts';

export interface HealthCheck {
  readonly name: string;
  /** Only one of the pages asks for it. */
  readonly only?: 'readyz' | 'livez';
  /** Throws where all is not well. */
  check(): void | Promise<void>;
}

const pages = ['healthz', 'livez', 'readyz'];

/** /livez, /readyz and /healthz: all checks together, and each at a path of its own. */
export class Health {
  readonly #checks: readonly HealthCheck[];

  constructor(checks: readonly HealthCheck[]) {
    this.#checks = checks;
  }

  /** Where a check is asked for by itself. */
  get paths(): readonly string[] {
    return pages.flatMap((page) => [`/${page}`, ...this.#of(page).map(({ name }) => `/${page}/${name}`)]);
  }

  answer(request: ApiRequest): Promise<ApiResponse> | undefined {
    const [, page = '', name] = /^\/(healthz|livez|readyz)(?:\/(.*))?$/.exec(request.path) ?? [];
    if (page === '') return undefined;
    return name ? this.#one(page, name) : this.#all(page, request);
  }

  #of(page: string): readonly HealthCheck[] {
    return this.#checks.filter(({ only }) => only === undefined || only === page);
  }

  async #one(page: string, name: string): Promise<ApiResponse> {
    const found = this.#of(page).find((check) => check.name === name);
    if (!found) return pageNotFound();
    try {
      await found.check();
      return text(200, 'ok');
    } catch (error) {
      return text(500, `internal server error: ${(error as Error).message}\n`);
    }
  }

  /** Why a check failed is in the log of whoever failed, not in an answer that everybody may read. */
  async #all(page: string, { query }: ApiRequest): Promise<ApiResponse> {
    const excluded = new Set(query.filter(([key]) => key === 'exclude').map(([, value]) => value));
    let lines = '';
    let failed = false;
    for (const { name, check } of this.#of(page)) {
      if (excluded.delete(name)) {
        lines += `[+]${name} excluded: ok\n`;
        continue;
      }
      try {
        await check();
        lines += `[+]${name} ok\n`;
      } catch {
        failed = true;
        lines += `[-]${name} failed: reason withheld\n`;
      }
    }
    if (excluded.size > 0) {
      const names = [...excluded].map((name) => JSON.stringify(name)).join(', ');
      lines += `warn: some health checks cannot be excluded: no matches for ${names}\n`;
    }
    if (failed) return text(500, `${lines}${page} check failed\n`);
    return query.some(([key]) => key === 'verbose') ? text(200, `${lines}${page} check passed\n`) : text(200, 'ok');
  }
}

const text = (status: number, words: string): ApiResponse => ({
  status,
  headers: { 'x-content-type-options': 'nosniff' },
  body: { bytes: encodeText(words), mediaType: 'text/plain; charset=utf-8' },
});
