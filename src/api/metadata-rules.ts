import { namesIn, type Steps, stepMembersMax } from '../base/steps.ts';
import { byteLength } from '../base/text.ts';
import { type FieldError, forbidden, invalid, required, tooLong } from './field-error.ts';
import type { Kind } from './kind.ts';
import { dnsLabel, dnsSubdomain, labelValue, qualifiedName } from './names.ts';
import type { Labels, ManagedFields, Meta, Owner } from './object.ts';

/** All annotations of an object together, keys and values. */
export const annotationBytesMax = 256 * 1024;
const managerBytesMax = 128;
/** So many names are judged in one step. */
const namesPerPiece = 128;
const subresourceNameMax = 256;
const standardFinalizers: ReadonlySet<string> = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

/** What must hold for the metadata of every kind. `asked` is what the client sent, before the server kept its own. */
export function* validateMeta(
  meta: Meta,
  change: { readonly asked: Partial<Meta>; readonly previous: Meta | undefined },
  kind: Pick<Kind, 'namespaced' | 'rules'>,
): Steps<readonly FieldError[]> {
  const { asked, previous } = change;
  const known = new Set<string>();
  yield* each(previous?.finalizers ?? [], (name) => known.add(name));
  const errors = previous ? immutables(asked, previous, known) : nameErrors(meta, kind);
  yield* inPieces(meta.labels, (some) => errors.push(...validateLabels(some, 'metadata.labels')));
  const path = 'metadata.annotations';
  let bytes = 0;
  yield* inPieces(meta.annotations, (some) => {
    errors.push(...validateAnnotationNames(some, path));
    bytes += annotationBytesOf(some);
  });
  if (bytes > annotationBytesMax) errors.push(tooLong(path, annotationBytesMax));
  yield* validateOwners(meta.ownerReferences ?? [], errors);
  if (meta.managedFields !== previous?.managedFields) yield* validateManagers(meta.managedFields ?? [], errors);
  yield* validateFinalizers(meta.finalizers ?? [], known, errors);
  return errors;
}

/** One after another, giving way: there may be many. */
function* each<T>(list: readonly T[], judge: (item: T, index: number) => void): Steps<void> {
  for (let index = 0; index < list.length; index++) {
    judge(list[index] as T, index);
    if ((index + 1) % namesPerPiece === 0) yield stepMembersMax;
  }
}

function* validateFinalizers(
  finalizers: readonly string[],
  known: ReadonlySet<string>,
  errors: FieldError[],
): Steps<void> {
  const unqualified: FieldError[] = [];
  yield* each(finalizers, (name, index) => {
    if (known.has(name)) return;
    for (const sentence of qualifiedName(name)) errors.push(invalid('metadata.finalizers', name, sentence));
    if (name.includes('/') || standardFinalizers.has(name)) return;
    const sentence = 'name is neither a standard finalizer name nor is it fully qualified';
    unqualified.push(invalid(`metadata.finalizers[${index}]`, name, sentence));
  });
  yield* each(unqualified, (error) => errors.push(error));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    const sentence = 'finalizer orphan and foregroundDeletion cannot be both set';
    errors.push(invalid('metadata.finalizers', finalizers, sentence));
  }
}

function nameErrors(meta: Meta, kind: Pick<Kind, 'rules'>): FieldError[] {
  const grammar = kind.rules.validateName ?? dnsSubdomain;
  const errors: FieldError[] = [];
  if (meta.generateName) {
    // A prefix may end where a name may not: what follows makes it whole.
    const whole = meta.generateName.endsWith('-') ? meta.generateName.replace(/.-$/, 'a') : meta.generateName;
    for (const sentence of grammar(whole, true)) {
      errors.push(invalid('metadata.generateName', meta.generateName, sentence));
    }
  }
  if (meta.name === '') errors.push(required('metadata.name', 'name or generateName is required'));
  else for (const sentence of grammar(meta.name, false)) errors.push(invalid('metadata.name', meta.name, sentence));
  if (meta.namespace) {
    for (const sentence of dnsLabel(meta.namespace))
      errors.push(invalid('metadata.namespace', meta.namespace, sentence));
  }
  return errors;
}

function immutables(asked: Partial<Meta>, live: Meta, known: ReadonlySet<string>): FieldError[] {
  const errors: FieldError[] = [];
  const fixed = ['deletionTimestamp', 'deletionGracePeriodSeconds'] as const;
  for (const field of fixed) {
    const value = asked[field];
    if (value !== undefined && value !== live[field]) {
      errors.push(invalid(`metadata.${field}`, value, 'field is immutable'));
    }
  }
  if (live.deletionTimestamp === undefined) return errors;
  const added = (asked.finalizers ?? []).filter((name) => !known.has(name));
  if (added.length > 0) {
    const list = `[]string{${added.map((name) => JSON.stringify(name)).join(', ')}}`;
    const sentence = `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`;
    errors.push(forbidden('metadata.finalizers', sentence));
  }
  return errors;
}

/** A few at a time: there may be many. */
function* inPieces(labels: Labels = {}, judge: (some: Labels) => void): Steps<void> {
  const names = namesIn(labels);
  if (names.length <= namesPerPiece) return judge(labels);
  for (let at = 0; at < names.length; at += namesPerPiece) {
    judge(Object.fromEntries(names.slice(at, at + namesPerPiece).map((name) => [name, labels[name] as string])));
    yield stepMembersMax;
  }
}

export function validateLabels(labels: Labels | undefined, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(labels ?? {})) {
    for (const sentence of qualifiedName(key)) errors.push(invalid(path, key, sentence));
    for (const sentence of labelValue(value)) errors.push(invalid(path, value, sentence));
  }
  return errors;
}

export function validateAnnotations(
  annotations: Labels | undefined,
  path = 'metadata.annotations',
): readonly FieldError[] {
  const errors = validateAnnotationNames(annotations ?? {}, path);
  return annotationBytesOf(annotations) > annotationBytesMax ? [...errors, tooLong(path, annotationBytesMax)] : errors;
}

function validateAnnotationNames(annotations: Labels, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  for (const key of Object.keys(annotations)) {
    for (const sentence of qualifiedName(key.toLowerCase())) errors.push(invalid(path, key, sentence));
  }
  return errors;
}

export function annotationBytesOf(annotations: Labels = {}): number {
  return Object.entries(annotations).reduce((sum, [key, value]) => sum + byteLength(key + value), 0);
}

function* validateOwners(owners: readonly Owner[], errors: FieldError[]): Steps<void> {
  const path = 'metadata.ownerReferences';
  yield* each(owners, (owner) => {
    if (owner.apiVersion.split('/').length > 2 || owner.apiVersion.replace(/^.*\//, '') === '') {
      errors.push(invalid(`${path}.apiVersion`, owner.apiVersion, 'version must not be empty'));
    }
    for (const field of ['kind', 'name', 'uid'] as const) {
      if (!owner[field]) errors.push(invalid(`${path}.${field}`, owner[field] ?? '', 'must not be empty'));
    }
    if (owner.apiVersion === 'v1' && owner.kind === 'Event') {
      errors.push(invalid(path, owner, `/v1, Kind=Event is disallowed from being an owner`));
    }
  });
  const managers = owners.filter((owner) => owner.controller === true);
  if (managers.length > 1) {
    const [first, second] = managers as [Owner, Owner];
    const sentence = `Only one reference can have Controller set to true. Found "true" in references for ${first.name} and ${second.name}`;
    errors.push(invalid(path, owners, sentence));
  }
}

function* validateManagers(managers: readonly ManagedFields[], errors: FieldError[]): Steps<void> {
  yield* each(managers, ({ manager = '', operation = '', fieldsType = '', subresource = '' }, index) => {
    const at = `metadata.managedFields[${index}]`;
    if (operation !== 'Apply' && operation !== 'Update') {
      errors.push(invalid(`${at}.operation`, operation, 'must be `Apply` or `Update`'));
    }
    if (fieldsType !== '' && fieldsType !== 'FieldsV1') {
      errors.push(invalid(`${at}.fieldsType`, fieldsType, 'must be `FieldsV1`'));
    }
    if (byteLength(manager) > managerBytesMax) errors.push(tooLong(`${at}.manager`, managerBytesMax));
    if (!/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u.test(manager)) {
      errors.push(invalid(`${at}.manager`, manager, 'should only contain printable characters'));
    }
    if (subresource.length > subresourceNameMax) errors.push(tooLong(`${at}.subresource`, subresourceNameMax));
  });
}

/** What every selector of labels must be made of. */
export function validateSelector(
  selector: {
    readonly matchLabels?: Labels;
    readonly matchExpressions?: readonly {
      readonly key: string;
      readonly operator: string;
      readonly values?: readonly string[];
    }[];
  },
  path: string,
): readonly FieldError[] {
  const errors: FieldError[] = [...validateLabels(selector.matchLabels, `${path}.matchLabels`)];
  for (const [index, { key, operator, values = [] }] of (selector.matchExpressions ?? []).entries()) {
    const at = `${path}.matchExpressions[${index}]`;
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0) {
        errors.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      }
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0) {
        errors.push(forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      }
    } else errors.push(invalid(`${at}.operator`, operator, 'not a valid selector operator'));
    for (const sentence of qualifiedName(key)) errors.push(invalid(`${at}.key`, key, sentence));
    for (const [place, value] of values.entries()) {
      for (const sentence of labelValue(value)) errors.push(invalid(`${at}.values[${place}]`, value, sentence));
    }
  }
  return errors;
}
