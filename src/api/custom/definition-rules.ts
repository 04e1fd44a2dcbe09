import { equalJson, type Json } from '../../base/json.ts';
import { type FieldError, invalid, notSupported, required } from '../field-error.ts';
import { dnsOldLabel, dnsSubdomain } from '../names.ts';
import { judgeConversion } from './conversion-rules.ts';
import type { CustomDefinition, DefinitionNames, DefinitionVersion } from './definition.ts';
import { judgeRoot } from './root-rules.ts';
import { judgeColumn, judgeSelectable, judgeSubresources } from './version-rules.ts';

const scopes = ['Cluster', 'Namespaced'];
type Spec = CustomDefinition['spec'];

/** What is wrong with a definition, as upstream words it. */
export function judgeDefinition(next: CustomDefinition, previous: CustomDefinition | undefined): readonly FieldError[] {
  const { spec } = next;
  const names = spec.names ?? {};
  const errors: FieldError[] = [];
  // That there is no name is told already.
  if (!previous && next.metadata.name !== '' && next.metadata.name !== `${names.plural ?? ''}.${spec.group ?? ''}`) {
    errors.push(invalid('metadata.name', next.metadata.name, 'must be spec.names.plural+"."+spec.group'));
  }
  errors.push(...judgeSpec(spec, previous?.spec));
  errors.push(...judgeDefinitionStatus(next), ...judgeStored(next));
  if (previous && isEstablished(previous)) errors.push(...judgeFixed(spec, previous.spec));
  errors.push(...judgeApproval(next, previous));
  return errors;
}

export const isEstablished = ({ status }: CustomDefinition): boolean =>
  (status?.conditions ?? []).some(({ type, status: value }) => type === 'Established' && value === 'True');

function judgeSpec(spec: Spec, previous: Spec | undefined): readonly FieldError[] {
  const errors: FieldError[] = [];
  const { group = '', scope, names = {} } = spec;
  const versions = spec.versions ?? [];
  if (group === '') errors.push(required('spec.group'));
  else {
    const sentences = dnsSubdomain(group).map((sentence) => invalid('spec.group', group, sentence));
    errors.push(...sentences);
    if (sentences.length === 0 && !group.includes('.')) {
      errors.push(invalid('spec.group', group, 'should be a domain with at least one dot'));
    }
  }
  if (!scope) errors.push(required('spec.scope'));
  else if (!scopes.includes(scope)) errors.push(notSupported('spec.scope', scope, scopes));
  if (spec.preserveUnknownFields && !previous?.preserveUnknownFields) {
    const why =
      'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
    errors.push(invalid('spec.preserveUnknownFields', true, why));
  }
  errors.push(...judgeVersions(versions, spec.versions ?? null));
  for (const key of ['plural', 'singular', 'kind', 'listKind'] as const) {
    if (!names[key]) errors.push(required(`spec.names.${key}`));
  }
  errors.push(...judgeNames(names, 'spec.names'), ...judgeConversion(spec.conversion));
  return errors;
}

function judgeVersions(
  versions: readonly DefinitionVersion[],
  shown: Json | readonly DefinitionVersion[],
): readonly FieldError[] {
  const errors: FieldError[] = [];
  // What all versions have alike is judged once, where upstream keeps it.
  const shared = {
    schema: isShared(versions, 'schema'),
    subresources: isShared(versions, 'subresources'),
    columns: isShared(versions, 'additionalPrinterColumns'),
    selectable: isShared(versions, 'selectableFields'),
  };
  for (const [index, version] of versions.entries()) {
    const path = `spec.versions[${index}]`;
    for (const sentence of grammarText(version.name ?? '')) {
      errors.push(invalid(`${path}.name`, version.name ?? '', sentence));
      if (index === 0 && version.name) errors.push(invalid('spec.version', version.name ?? '', sentence));
    }
    errors.push(...judgeWarning(version, path));
    errors.push(...judgeParts(version, { path, index, shared }));
  }
  const unique = new Set(versions.map(({ name }) => name)).size === versions.length;
  if (!unique) errors.push(invalid('spec.versions', shown, 'must contain unique version names'));
  if (versions.filter(({ storage }) => storage).length !== 1) {
    errors.push(invalid('spec.versions', shown, 'must have exactly one version marked as storage version'));
  }
  return errors;
}

const isShared = (versions: readonly DefinitionVersion[], key: keyof DefinitionVersion): boolean =>
  versions.every((version) => equalJson(version[key] ?? null, versions[0]?.[key] ?? null));

interface Part {
  readonly path: string;
  readonly index: number;
  readonly shared: Readonly<Record<'schema' | 'subresources' | 'columns' | 'selectable', boolean>>;
}

function judgeParts(version: DefinitionVersion, { path, index, shared }: Part): readonly FieldError[] {
  const errors: FieldError[] = [];
  const schema = version.schema?.openAPIV3Schema;
  if (!schema) errors.push(required(`${path}.schema.openAPIV3Schema`, 'schemas are required'));
  else if (!shared.schema) errors.push(...judgeRoot(schema, `${path}.schema`, version));
  else if (index === 0) errors.push(...judgeRoot(schema, 'spec.validation', version));
  const isTold = (isAlike: boolean) => !isAlike || index === 0;
  const at = (isAlike: boolean) => (isAlike ? 'spec' : path);
  if (isTold(shared.subresources)) {
    errors.push(...judgeSubresources(version.subresources, `${at(shared.subresources)}.subresources`));
  }
  if (isTold(shared.columns)) {
    for (const [place, column] of (version.additionalPrinterColumns ?? []).entries()) {
      errors.push(...judgeColumn(column, `${at(shared.columns)}.additionalPrinterColumns[${place}]`));
    }
  }
  const isOrphaned = shared.selectable && index === 0 && !(shared.schema && schema);
  if (isOrphaned && version.selectableFields?.length) {
    errors.push(invalid('spec.selectableFields', '', 'may only be set when all versions have one schema'));
  } else if (isTold(shared.selectable) && version.selectableFields?.length) {
    const path = `${at(shared.selectable)}.selectableFields`;
    // Upstream's sentence, which means the opposite.
    const why = 'may only be set when `version.schema.openAPIV3Schema` is not included';
    errors.push(...(schema ? judgeSelectable(version.selectableFields, schema, path) : [invalid(path, '', why)]));
  }
  return errors;
}

function judgeWarning({ deprecated, deprecationWarning }: DefinitionVersion, path: string): readonly FieldError[] {
  if (deprecationWarning === undefined || deprecationWarning === null) return [];
  const at = `${path}.deprecationWarning`;
  const wrong = (why: string) => [invalid(at, deprecationWarning, why)];
  const errors = deprecated ? [] : wrong('can only be set for deprecated versions');
  if (deprecationWarning.length > 256) errors.push(...wrong('must be <= 256 characters long'));
  if (deprecationWarning.length === 0) errors.push(...wrong('must not be an empty string'));
  const bad = [...deprecationWarning].findIndex((char) => /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/u.test(char));
  if (bad >= 0) {
    const why = `must only contain printable UTF-8 characters; non-printable character found at index ${bad}`;
    errors.push(...wrong(why));
  }
  return errors;
}

const grammarText = (text: string): readonly string[] => {
  const sentences = dnsOldLabel(text);
  return sentences.length === 0 ? [] : [sentences.join(',')];
};

function judgeNames(names: DefinitionNames, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const label = (text: string, at: string) => {
    for (const sentence of grammarText(text)) errors.push(invalid(at, text, sentence));
  };
  const mixed = (text: string, at: string) => {
    for (const sentence of grammarText(text.toLowerCase())) {
      errors.push(invalid(at, text, `may have mixed case, but should otherwise match: ${sentence}`));
    }
  };
  const { plural, singular, kind, listKind, shortNames = [], categories = [] } = names;
  if (plural) label(plural, `${path}.plural`);
  if (singular) label(singular, `${path}.singular`);
  if (kind) mixed(kind, `${path}.kind`);
  if (listKind) mixed(listKind, `${path}.listKind`);
  for (const [index, name] of shortNames.entries()) label(name, `${path}.shortNames[${index}]`);
  // Absent names are equal too, but that is told as their absence.
  if (kind && kind === listKind)
    errors.push(invalid(`${path}.listKind`, listKind, 'kind and listKind may not be the same'));
  for (const [index, name] of categories.entries()) label(name, `${path}.categories[${index}]`);
  return errors;
}

/** What is stored somewhere can still be read. A write of the status is not asked about it. */
function judgeStored({ spec, status }: CustomDefinition): readonly FieldError[] {
  const errors: FieldError[] = [];
  const kept = status?.storedVersions ?? [];
  const at = 'status.storedVersions';
  const shown = status?.storedVersions ?? null;
  if (kept.length === 0) return [invalid(at, shown, 'must have at least one stored version')];
  for (const [index, name] of kept.entries()) {
    if (!spec.versions?.some((version) => version.name === name)) {
      const why = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
      errors.push(invalid(`${at}[${index}]`, name, why));
    }
  }
  // Two versions of one name need two entries.
  const left = [...kept];
  for (const { name, storage } of spec.versions ?? []) {
    if (!storage) continue;
    const place = left.indexOf(name);
    if (place >= 0) left.splice(place, 1);
    else errors.push(invalid(at, shown, `must have the storage version ${name}`));
  }
  return errors;
}

/** Once a kind is served, what it is called and where it lives stays. */
function judgeFixed(next: Spec, previous: Spec): readonly FieldError[] {
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ['spec.group', next.group, previous.group],
    ['spec.scope', next.scope, previous.scope],
    ['spec.names.kind', next.names?.kind, previous.names?.kind],
    ['spec.names.plural', next.names?.plural, previous.names?.plural],
  ];
  return pairs.filter(([, a, b]) => a !== b).map(([path, value]) => invalid(path, value ?? '', 'field is immutable'));
}

const approvalKey = 'api-approved.kubernetes.io';

/** Groups of Kubernetes itself name who approved them. */
function judgeApproval(next: CustomDefinition, previous: CustomDefinition | undefined): readonly FieldError[] {
  const { group = '' } = next.spec;
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(group)) return [];
  const approval = next.metadata.annotations?.[approvalKey] ?? '';
  const path = `metadata.annotations[${approvalKey}]`;
  const isFine = (text: string) => /^https?:\/\/./.test(text) || text.startsWith('unapproved');
  if (isFine(approval)) return [];
  if (previous && !isFine(previous.metadata.annotations?.[approvalKey] ?? '')) return [];
  if (approval === '') {
    const why =
      'protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111';
    return [required(path, why)];
  }
  const why =
    'protected groups must have approval annotation "api-approved.kubernetes.io" with either a URL or a reason starting with "unapproved", see https://github.com/kubernetes/enhancements/pull/1111';
  return [invalid(path, approval, why)];
}

/** A status write may say what it likes about conditions; names must hold. */
export const judgeDefinitionStatus = ({ status }: CustomDefinition): readonly FieldError[] =>
  judgeNames(status?.acceptedNames ?? {}, 'status.acceptedNames');
