import type { Steps } from '../../base/steps.ts';
import { compareText } from '../../base/text.ts';
import { ApiError } from '../error.ts';
import { type FieldSet, isEmptySet, pathTexts } from './field-set.ts';
import { differenceInSteps } from './field-set-in-steps.ts';
import { type Entry, idOf } from './managed-fields.ts';

/** What an apply would change although somebody else owns it. */
export interface Conflict {
  readonly owner: Entry;
  readonly set: FieldSet;
}

export const conflictsOf = (owner: Entry, set: FieldSet): readonly Conflict[] =>
  isEmptySet(set) ? [] : [{ owner, set }];

/** The conflicts about anything but these fields. */
export function* difference(conflicts: readonly Conflict[], allowed: FieldSet): Steps<readonly Conflict[]> {
  const left: Conflict[] = [];
  for (const { owner, set } of conflicts) left.push(...conflictsOf(owner, yield* differenceInSteps(set, allowed)));
  return left;
}

export function* conflictError(conflicts: readonly Conflict[]): Steps<ApiError> {
  const sorted = [...conflicts].sort((a, b) => compareText(idOf(a.owner), idOf(b.owner)));
  const told: { readonly owner: string; readonly paths: readonly string[] }[] = [];
  for (const { owner, set } of sorted) told.push({ owner: ownerText(owner), paths: yield* pathTexts(set) });
  const causes = told.flatMap(({ owner, paths }) =>
    paths.map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${owner}`, field })),
  );
  return new ApiError('Conflict', messageOf(told, causes.length), { causes });
}

function messageOf(
  told: readonly { readonly owner: string; readonly paths: readonly string[] }[],
  count: number,
): string {
  const [first] = told;
  if (count === 1) return `Apply failed with 1 conflict: conflict with ${first?.owner}: ${first?.paths[0]}`;
  const lines = told.flatMap(({ owner, paths }) => [`conflicts with ${owner}:`, ...paths.map((path) => `- ${path}`)]);
  return `Apply failed with ${count} conflicts: ${lines.join('\n')}`;
}

function ownerText({ manager, operation, apiVersion, subresource }: Entry): string {
  const name = JSON.stringify(manager) + (subresource ? ` with subresource ${JSON.stringify(subresource)}` : '');
  return operation === 'Update' ? `${name} using ${apiVersion}` : name;
}
