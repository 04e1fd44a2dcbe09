import type { ApiError } from '../../api/error.ts';
import { forbidden } from '../auth/authorization.ts';
import type { AdmissionRequest } from './plugin.ts';

/** The 403 of a plugin that does not let a request through. */
export const refusal = ({ kind, route, generateName }: AdmissionRequest, why: string): ApiError =>
  forbidden({ resource: kind.plural, group: kind.group, name: generateName ?? route.name }, why);

/** Several things that are wrong, as upstream joins them: each once. */
export function joinedReasons(reasons: readonly string[]): string {
  const distinct = [...new Set(reasons)];
  return distinct.length === 1 ? (distinct[0] as string) : `[${distinct.join(', ')}]`;
}

/** Whether a request is about the main resource of a kind. */
export const isAbout = (
  { kind, route }: AdmissionRequest,
  wanted: { readonly group: string; readonly plural: string },
): boolean => kind.plural === wanted.plural && kind.group === wanted.group && route.subresource === '';
