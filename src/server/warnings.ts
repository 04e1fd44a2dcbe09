import type { ApiResponse } from '../api/wire.ts';

/** The answer with more sentences for its Warning headers: one header a line. */
export function withWarnings(response: ApiResponse, warnings: readonly string[]): ApiResponse {
  const texts = warnings.map((text) => `299 - ${JSON.stringify(text)}`);
  const known = response.headers?.warning;
  const warning = [...(known ? [known] : []), ...texts].join('\n');
  return { ...response, headers: { ...response.headers, warning } };
}
