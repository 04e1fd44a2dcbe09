import { type FieldError, invalid, invalidObject, notSupported, tooLong } from '../api/field-error.ts';
import type { ApiRequest } from '../api/wire.ts';
import { byteLength } from '../base/text.ts';

const managerBytesMax = 128;
const propagationPolicies = ['Foreground', 'Background', 'Orphan', 'nil'];
const fieldValidations = ['', 'Ignore', 'Strict', 'Warn'];

export type WriteOptionsKind = 'CreateOptions' | 'UpdateOptions' | 'PatchOptions' | 'DeleteOptions';

/** What a write says about itself, from its query or, for a delete, from its body. */
export interface AskedOptions {
  readonly dryRun?: readonly string[];
  readonly fieldManager?: string;
  readonly fieldValidation?: string;
  readonly propagationPolicy?: string;
  readonly orphanDependents?: boolean;
}

export function askedOptions(query: ApiRequest['query']): AskedOptions {
  const dryRun = query.filter(([key]) => key === 'dryRun').map(([, value]) => value);
  const first = (name: string) => query.find(([key]) => key === name)?.[1];
  const [fieldManager, fieldValidation] = [first('fieldManager'), first('fieldValidation')];
  return {
    ...(dryRun.length > 0 ? { dryRun } : {}),
    ...(fieldManager === undefined ? {} : { fieldManager }),
    ...(fieldValidation === undefined ? {} : { fieldValidation }),
  };
}

/** Refuses options that upstream refuses; `more` are those that only a patch has. */
export function checkOptions(kind: WriteOptionsKind, asked: AskedOptions, more: readonly FieldError[] = []): void {
  const errors = [
    ...(kind === 'DeleteOptions' ? deletionErrors(asked) : managerErrors(asked.fieldManager ?? '')),
    ...dryRunErrors(asked.dryRun ?? []),
    ...validationErrors(kind === 'DeleteOptions' ? '' : (asked.fieldValidation ?? '')),
    ...more,
  ];
  if (errors.length > 0) throw invalidObject({ group: 'meta.k8s.io', kind }, '', errors);
}

function deletionErrors({ propagationPolicy, orphanDependents }: AskedOptions): readonly FieldError[] {
  if (propagationPolicy === undefined) return [];
  const errors: FieldError[] = [];
  if (orphanDependents !== undefined) {
    const both = 'orphanDependents and deletionPropagation cannot be both set';
    errors.push(invalid('propagationPolicy', propagationPolicy, both));
  }
  if (!propagationPolicies.slice(0, 3).includes(propagationPolicy)) {
    errors.push(notSupported('propagationPolicy', propagationPolicy, propagationPolicies));
  }
  return errors;
}

function managerErrors(manager: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (byteLength(manager) > managerBytesMax) errors.push(tooLong('fieldManager', managerBytesMax));
  const odd = [...manager].findIndex((char) => !/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(char));
  if (odd >= 0) errors.push(invalid('fieldManager', manager, 'should only contain printable characters'));
  return errors;
}

/** Told as the list that it is. */
function dryRunErrors(dryRun: readonly string[]): readonly FieldError[] {
  return dryRun.every((value) => value === 'All') ? [] : [notSupported('dryRun', dryRun, ['All'])];
}

function validationErrors(mode: string): readonly FieldError[] {
  return fieldValidations.includes(mode) ? [] : [notSupported('fieldValidation', mode, fieldValidations)];
}
