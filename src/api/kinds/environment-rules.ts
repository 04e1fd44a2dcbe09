import { notSupported } from '../field-error.ts';
import { configKey, dnsSubdomain, environmentName, qualifiedName } from '../names.ts';
import type { Checked } from './checks.ts';
import { textOf } from './defaulting.ts';
import { nanosOf, one } from './resource-name-rules.ts';
import { ownPath } from './volume-source-rules.ts';

/** What of a pod an environment variable may tell. */
const variableFields = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
/** Fields that there are, although not everything may tell of them. */
const knownFields: ReadonlySet<string> = new Set([
  ...variableFields,
  'metadata.annotations',
  'metadata.labels',
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
]);
const amounts = ['cpu', 'ephemeral-storage', 'memory'].flatMap((name) => [`limits.${name}`, `requests.${name}`]).sort();
const sourceFields = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef', 'fileKeyRef'];

export function validateEnvironment(variables: Checked): void {
  for (const variable of variables.items()) {
    const name = variable.at('name');
    if (name.needed()) name.like(environmentName);
    if (!variable.at('valueFrom').isAbsent) validateSource(variable.at('valueFrom'), textOf(variable.part.value));
  }
}

function validateSource(source: Checked, value: string): void {
  const given = sourceFields.filter((field) => !source.at(field).isAbsent);
  for (const field of given) {
    const reference = source.at(field);
    if (field === 'fieldRef') validateFieldReference(reference, variableFields);
    else if (field === 'resourceFieldRef') validateAmountReference(reference, false);
    else if (field === 'fileKeyRef') validateFileReference(reference);
    else validateKeyReference(reference);
  }
  if (given.length === 0) {
    source.invalidAs(
      '',
      'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
    );
  } else if (value !== '') source.invalidAs('', 'may not be specified when `value` is not empty');
  else if (given.length > 1) source.invalidAs('', 'may not have more than one field specified at a time');
}

function validateKeyReference(reference: Checked): void {
  reference.at('name').like(dnsSubdomain);
  if (reference.at('key').needed()) reference.at('key').like(configKey);
}

function validateFileReference(reference: Checked): void {
  if (reference.at('key').needed()) reference.at('key').like(environmentName);
  if (reference.at('volumeName').needed()) reference.at('volumeName').like(dnsSubdomain);
  if (reference.at('path').needed()) ownPath(reference.at('path'));
}

const subscripted = /^(metadata\.(?:labels|annotations)|[a-zA-Z.]+)\['(.*)'\]$/;

export function validateFieldReference(reference: Checked, allowed: readonly string[]): void {
  const version = reference.at('apiVersion');
  const field = reference.at('fieldPath');
  if (!version.needed() || !field.needed()) return;
  const [, map, key = ''] = subscripted.exec(field.text) ?? [];
  const path = map ?? field.text;
  if (version.text !== 'v1') {
    field.invalid(`error converting fieldPath: unsupported pod version: ${version.text}`);
  } else if (path !== 'spec.host' && !knownFields.has(path)) {
    field.invalid(`error converting fieldPath: field label not supported: ${field.text}`);
  } else if (map === undefined) {
    const name = path === 'spec.host' ? 'spec.nodeName' : path;
    if (!allowed.includes(name)) field.add(notSupported(field.path, name, [...allowed].sort()));
  } else if (map === 'metadata.annotations' || map === 'metadata.labels') {
    const judged = map === 'metadata.labels' ? key : key.toLowerCase();
    for (const sentence of qualifiedName(judged)) reference.invalidAs(judged, sentence);
  } else field.invalid(`error converting fieldPath: field label does not support subscript: ${field.text}`);
}

const divisorSentence = (values: readonly string[], what: string): string =>
  `only divisor's values ${values.join(', ').replace(/^(\w+), (\w+)$/, '$1 and $2')} are supported with the ${what} resource`;
const byteDivisors = '1 1k 1M 1G 1T 1P 1E 1Ki 1Mi 1Gi 1Ti 1Pi 1Ei'.split(' ');
const byteNanos: ReadonlySet<bigint> = new Set(byteDivisors.map(nanosOf));

/** `inVolume`: the container must be named, since a volume belongs to none. */
export function validateAmountReference(reference: Checked, inVolume: boolean): void {
  const resource = reference.at('resource');
  if (inVolume && reference.at('containerName').isEmpty) {
    reference.at('containerName').missing();
  } else if (resource.needed() && !amounts.includes(resource.text) && !isHugePageAmount(resource.text)) {
    resource.add(notSupported(resource.path, resource.text, amounts));
  }
  const divisor = nanosOf(reference.part.divisor);
  if (divisor === 0n) return;
  const [, name = ''] = resource.text.split('.');
  if (name === 'cpu') {
    if (divisor !== one && divisor !== one / 1000n) {
      reference.at('divisor').invalidAs(resource.text, divisorSentence(['1m', '1'], 'cpu'));
    }
  } else if (name === 'memory' || name === 'ephemeral-storage' || isHugePageAmount(resource.text)) {
    const what = name === 'ephemeral-storage' ? 'local ephemeral storage' : name === 'memory' ? name : 'hugepages';
    if (!byteNanos.has(divisor)) reference.at('divisor').invalidAs(resource.text, divisorSentence(byteDivisors, what));
  }
}
const isHugePageAmount = (name: string): boolean => /^(limits|requests)\.hugepages-/.test(name);

/** Upstream takes these names for prefixes, which may end with a hyphen. */
const asWhole = (name: string): string => name.replace(/-$/, 'a');

export function validateEnvironmentSources(sources: Checked): void {
  for (const source of sources.items()) {
    source.at('prefix').optionalLike(environmentName);
    const given = ['configMapRef', 'secretRef'].filter((field) => !source.at(field).isAbsent);
    for (const field of given) {
      const name = source.at(field).at('name');
      if (name.needed()) for (const sentence of dnsSubdomain(asWhole(name.text))) name.invalid(sentence);
    }
    if (given.length === 0) sources.invalidAs('', 'must specify one of: `configMapRef` or `secretRef`');
    else if (given.length > 1) sources.invalidAs('', 'may not have more than one field specified at a time');
  }
}
