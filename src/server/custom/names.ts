import type { CustomDefinition, DefinitionCondition, DefinitionNames } from '../../api/custom/definition.ts';
import { compareText } from '../../base/text.ts';

export interface Judged {
  readonly acceptedNames: DefinitionNames;
  readonly conditions: readonly DefinitionCondition[];
}

/** Which of its names a definition gets, and what it is told about that: who came first keeps what it has. */
export function judgeNames(definition: CustomDefinition, others: readonly CustomDefinition[], now: string): Judged {
  const asked = definition.spec.names ?? {};
  const before = definition.status?.acceptedNames ?? {};
  const taken = takenBy(others.filter(({ spec }) => spec.group === definition.spec.group));
  const accepted: Record<string, unknown> = {};
  let conflict: { readonly reason: string; readonly message: string } | undefined;
  const refuse = (key: string, text: string) => {
    conflict = { reason: `${key}Conflict`, message: `${JSON.stringify(text)} is already in use` };
  };
  for (const [key, reason] of single) {
    const name = asked[key] ?? '';
    const names = key === 'kind' || key === 'listKind' ? taken.kinds : taken.resources;
    if (names.has(name)) {
      refuse(reason, name);
      accepted[key] = before[key] ?? '';
    } else accepted[key] = name;
  }
  const shortNames = asked.shortNames ?? [];
  const used = shortNames.filter((name) => taken.resources.has(name));
  if (used.length > 0) refuse('ShortNames', used.join('", "'));
  const kept = used.length > 0 ? before.shortNames : asked.shortNames;
  const acceptedNames: DefinitionNames = {
    ...accepted,
    ...(kept?.length ? { shortNames: kept } : {}),
    ...(asked.categories?.length ? { categories: asked.categories } : {}),
  };
  return { acceptedNames, conditions: conditionsOf(definition, conflict, now) };
}

const single = [
  ['plural', 'Plural'],
  ['singular', 'Singular'],
  ['kind', 'Kind'],
  ['listKind', 'ListKind'],
] as const;

function takenBy(others: readonly CustomDefinition[]) {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const { status } of others) {
    const names = status?.acceptedNames ?? {};
    for (const name of [names.plural, names.singular, ...(names.shortNames ?? [])]) if (name) resources.add(name);
    for (const name of [names.kind, names.listKind]) if (name) kinds.add(name);
  }
  return { resources, kinds };
}

/**
 * A third one of upstream's, NonStructuralSchema, tells of schemas that were stored before v1 asked for more of them:
 * there are none here, for they are refused.
 */
function conditionsOf(
  definition: CustomDefinition,
  conflict: { readonly reason: string; readonly message: string } | undefined,
  now: string,
): readonly DefinitionCondition[] {
  const kept = definition.status?.conditions ?? [];
  const accepted = conflict
    ? { type: 'NamesAccepted', status: 'False', ...conflict }
    : { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' };
  const wasEstablished = kept.some(({ type, status }) => type === 'Established' && status === 'True');
  const established =
    conflict && !wasEstablished
      ? { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' }
      : {
          type: 'Established',
          status: 'True',
          reason: 'InitialNamesAccepted',
          message: 'the initial names have been accepted',
        };
  return [accepted, established].reduce(
    (all, condition) => (wasEstablished && condition.type === 'Established' ? all : withCondition(all, condition, now)),
    kept as readonly DefinitionCondition[],
  );
}

/** A condition keeps its time until its status changes. */
export function withCondition(
  conditions: readonly DefinitionCondition[],
  next: DefinitionCondition,
  now: string,
): readonly DefinitionCondition[] {
  const before = conditions.find(({ type }) => type === next.type);
  const since = before?.status === next.status ? (before.lastTransitionTime ?? now) : now;
  const whole = {
    type: next.type,
    status: next.status,
    lastTransitionTime: since,
    reason: next.reason ?? '',
    message: next.message ?? '',
  };
  return before ? conditions.map((one) => (one === before ? whole : one)) : [...conditions, whole];
}

const versionForm = /^v(\d+)(?:(alpha|beta)(\d+))?$/;
const stages: Readonly<Record<string, number>> = { alpha: 0, beta: 1, '': 2 };

/** The order in which versions are told: finished ones first, newer ones first, anything else at the end by name. */
export function compareVersions(a: string, b: string): number {
  const left = versionForm.exec(a);
  const right = versionForm.exec(b);
  if (!left || !right) return left ? -1 : right ? 1 : compareText(a, b);
  const stage = (stages[right[2] ?? ''] as number) - (stages[left[2] ?? ''] as number);
  if (stage !== 0) return stage;
  return Number(right[1]) - Number(left[1]) || Number(right[3] ?? 0) - Number(left[3] ?? 0);
}
