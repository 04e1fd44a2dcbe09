import type { ApiResponse } from '../api/wire.ts';

/** The answer with more sentences for its Warning header. */
export function withWarnings(response: ApiResponse, warnings: readonly string[]): ApiResponse {
  const texts = warnings.map((text) => `299 - ${JSON.stringify(text)}`);
  const known = response.headers?.warning;
  const warning = [...(known ? [known] : []), ...texts].join(', ');
  return { ...response, headers: { ...response.headers, warning } };
}
