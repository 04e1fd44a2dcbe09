import { duplicate, type FieldError, forbidden, invalid, required } from '../field-error.ts';
import { dnsLabel, dnsSubdomain } from '../names.ts';
import { amountRules, fieldRefRules } from './container-rules.ts';
import { type Part, partOf, partsOf, textOf } from './defaulting.ts';
import { byGrammar, named } from './rules.ts';

/** The largest mode of a file: 0777. */
const modeMax = 0o777;
const downwardPaths = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];

export function volumesRules(volumes: readonly Part[], path: string): readonly FieldError[] {
  const names = new Set<string>();
  return volumes.flatMap((volume, index) => {
    const at = `${path}[${index}]`;
    const name = textOf(volume.name);
    const errors = [...sourceRules(volume, at), ...named(dnsLabel, volume.name, `${at}.name`)];
    if (name !== '' && names.has(name)) errors.push(duplicate(`${at}.name`, name));
    names.add(name);
    return errors;
  });
}

function sourceRules(volume: Part, path: string): readonly FieldError[] {
  const sources = Object.keys(volume).filter((key) => key !== 'name');
  if (sources.length === 0) return [required(path, 'must specify a volume type')];
  return sources.flatMap((source, index) => {
    if (index > 0) return [forbidden(`${path}.${source}`, 'may not specify more than 1 volume type')];
    return bySource[source]?.(partOf(volume[source]), `${path}.${source}`) ?? [];
  });
}

const needs = (part: Part, path: string, ...fields: readonly string[]): readonly FieldError[] =>
  fields.filter((field) => !part[field]).map((field) => required(`${path}.${field}`));

function modeRules(mode: unknown, path: string): readonly FieldError[] {
  if (typeof mode !== 'number' || (mode >= 0 && mode <= modeMax)) return [];
  return [invalid(path, mode, 'must be a number between 0 and 0777 (octal), both inclusive')];
}

function relativePath(path: unknown, at: string): readonly FieldError[] {
  const text = textOf(path);
  if (text === '') return [required(at)];
  if (text.startsWith('/')) return [invalid(at, text, 'must be a relative path')];
  if (text.split('/').includes('..')) return [invalid(at, text, "must not contain '..'")];
  return text.startsWith('..') ? [invalid(at, text, "must not start with '..'")] : [];
}

const itemsRules = (items: unknown, path: string): readonly FieldError[] =>
  partsOf(items).flatMap((item, index) => {
    const at = `${path}[${index}]`;
    return [...needs(item, at, 'key'), ...relativePath(item.path, `${at}.path`), ...modeRules(item.mode, `${at}.mode`)];
  });

const downwardRules = (items: unknown, path: string): readonly FieldError[] =>
  partsOf(items).flatMap((item) => {
    const errors: FieldError[] = [...relativePath(item.path, `${path}.path`), ...modeRules(item.mode, `${path}.mode`)];
    if (item.fieldRef) errors.push(...fieldRefRules(partOf(item.fieldRef), `${path}.fieldRef`, downwardPaths));
    else if (item.resourceFieldRef) {
      errors.push(...amountRules(partOf(item.resourceFieldRef), `${path}.resourceFieldRef`, true));
    } else errors.push(required(path, 'one of fieldRef and resourceFieldRef is required'));
    return errors;
  });

const bySource: Readonly<Record<string, (source: Part, path: string) => readonly FieldError[]>> = {
  hostPath: (source, path) => [
    ...needs(source, path, 'path'),
    ...(textOf(source.path).split('/').includes('..')
      ? [invalid(`${path}.path`, source.path, "must not contain '..'")]
      : []),
  ],
  secret: (source, path) => [
    ...needs(source, path, 'secretName'),
    ...modeRules(source.defaultMode, `${path}.defaultMode`),
    ...itemsRules(source.items, `${path}.items`),
  ],
  configMap: (source, path) => [
    ...needs(source, path, 'name'),
    ...modeRules(source.defaultMode, `${path}.defaultMode`),
    ...itemsRules(source.items, `${path}.items`),
  ],
  downwardAPI: (source, path) => [
    ...modeRules(source.defaultMode, `${path}.defaultMode`),
    ...downwardRules(source.items, path),
  ],
  projected: projectedRules,
  persistentVolumeClaim: (source, path) => needs(source, path, 'claimName'),
  nfs: (source, path) => [
    ...needs(source, path, 'server', 'path'),
    ...(source.path && !textOf(source.path).startsWith('/')
      ? [invalid(`${path}.path`, source.path, 'must be an absolute path')]
      : []),
  ],
  csi: (source, path) =>
    source.driver ? byGrammar(dnsSubdomain, textOf(source.driver), `${path}.driver`) : needs(source, path, 'driver'),
  image: (source, path) => needs(source, path, 'reference'),
};

function projectedRules(projected: Part, path: string): readonly FieldError[] {
  const errors: FieldError[] = [...modeRules(projected.defaultMode, `${path}.defaultMode`)];
  const places = new Set<string>();
  for (const [index, source] of partsOf(projected.sources).entries()) {
    const at = `${path}.sources[${index}]`;
    const kinds = Object.keys(source);
    if (kinds.length > 1) {
      for (const kind of kinds.slice(1))
        errors.push(forbidden(`${at}.${kind}`, 'may not specify more than 1 volume type'));
    }
    for (const name of ['secret', 'configMap']) {
      if (!source[name]) continue;
      const given = partOf(source[name]);
      errors.push(...needs(given, `${at}.${name}`, 'name'), ...itemsRules(given.items, `${at}.${name}.items`));
    }
    if (source.downwardAPI) errors.push(...downwardRules(partOf(source.downwardAPI).items, `${at}.downwardAPI`));
    if (source.serviceAccountToken) {
      errors.push(...tokenRules(partOf(source.serviceAccountToken), `${at}.serviceAccountToken`));
    }
    for (const place of placesOf(source)) {
      if (places.has(place)) errors.push(invalid(path, place, 'conflicting duplicate paths'));
      places.add(place);
    }
  }
  return errors;
}

function placesOf(source: Part): readonly string[] {
  const lists = ['secret', 'configMap', 'downwardAPI'].flatMap((name) => partsOf(partOf(source[name]).items));
  const token = source.serviceAccountToken ? [partOf(source.serviceAccountToken)] : [];
  return [...lists, ...token].map(({ path }) => textOf(path)).filter((path) => path !== '');
}

function tokenRules(token: Part, path: string): readonly FieldError[] {
  const seconds = Number(token.expirationSeconds ?? 0);
  return [
    ...(seconds < 600
      ? [invalid(`${path}.expirationSeconds`, seconds, 'may not specify a duration less than 10 minutes')]
      : []),
    ...(seconds > 2 ** 32
      ? [invalid(`${path}.expirationSeconds`, seconds, 'may not specify a duration larger than 2^32 seconds')]
      : []),
    ...relativePath(token.path, `${path}.path`),
  ];
}
