import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { brotliDecompressSync } from 'node:zlib';
import { shortType } from '../src/api/schema/names.ts';
import { nullWhenAbsent, omittedWhenAbsent, optionalScalars, zeroWhenAbsent } from './schema-scalars.ts';

// Turns what a running Kubernetes says of itself (OpenAPI v2 and v3, discovery) and the published protobuf field
// numbers into the tables of facts under src/api/schema/tables. `--check` fails where the tables are not what would be made.

const { values: flags } = parseArgs({ options: { from: { type: 'string' }, check: { type: 'boolean' } } });
const from = flags.from ?? unpacked();
const out = new URL('../src/api/schema/tables/', import.meta.url).pathname;
const header =
  '// Made by tools/schema.ts from the OpenAPI, discovery and protobuf facts of Kubernetes 1.36.3. Do not edit.\n';

interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly [extension: `x-kubernetes-${string}`]: unknown;
}
interface NumberedField {
  readonly name: string;
  readonly number: number;
  readonly type: string;
  readonly label: string;
}
type Extras = Record<string, unknown>;
type Row = [name: string, number: number | string, type: string, flags?: string, extras?: Extras];
interface TypeRow {
  /** Whether the type is in the OpenAPI documents. */
  readonly o?: 1;
  readonly f: readonly Row[];
  readonly g?: readonly string[];
  readonly x?: Extras;
}

const read = (file: string) => JSON.parse(readFileSync(join(from, file), 'utf8'));
const special = new Map([
  ['runtime.RawExtension', 'r'],
  ['intstr.IntOrString', 'o'],
  ['resource.Quantity', 'q'],
  ['meta.v1.Time', 't'],
  ['meta.v1.MicroTime', 'u'],
  ['meta.v1.FieldsV1', 'F'],
  ['meta.v1.Duration', 'D'],
  ['apiextensions.v1.JSON', 'j'],
  ['apiextensions.v1.JSONSchemaPropsOrArray', 'A'],
  ['apiextensions.v1.JSONSchemaPropsOrBool', 'B'],
  ['apiextensions.v1.JSONSchemaPropsOrStringArray', 'S'],
  ['apiextensions.v1beta1.JSON', 'j'],
]);
const protobufScalar = new Map([
  ['string', 's'],
  ['int32', 'i'],
  ['int64', 'l'],
  ['bool', 'b'],
  ['double', 'd'],
  ['bytes', 'y'],
  ['uint32', 'i'],
]);
const schemas = readSchemas();
const messages = readMessages();
const goTypes = readGoTypes();
const problems: string[] = [];
const files = new Map<string, string>();
const known = new Set<string>();
const embeddings = new Set<string>();
const otherNames = new Map<string, string>();

/** Without a folder: the documents that were packed into compat/, so that a clone can check its tables. */
function unpacked(): string {
  const packed = readFileSync(new URL('../compat/schema.json.br', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'schema-'));
  process.on('exit', () => rmSync(folder, { recursive: true }));
  for (const [file, text] of Object.entries(JSON.parse(brotliDecompressSync(packed).toString()) as object)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  return folder;
}

function readSchemas(): Map<string, Schema> {
  const all = new Map<string, Schema>();
  for (const file of readdirSync(join(from, 'openapi-v3')).sort()) {
    for (const [name, schema] of Object.entries(read(`openapi-v3/${file}`).components?.schemas ?? {})) {
      all.set(shortType(name), schema as Schema);
    }
  }
  return all;
}

function readMessages(): Map<string, NumberedField[]> {
  const all = new Map<string, NumberedField[]>();
  for (const line of readFileSync(join(from, 'field-numbers.tsv'), 'utf8').trim().split('\n').slice(1)) {
    const [message = '', name = '', number, type = '', label = ''] = line.split('\t');
    const key = shortType(message);
    const fields = all.get(key) ?? [];
    all.set(key, fields);
    if (name) fields.push({ name, number: Number(number), type: qualified(type, message), label });
  }
  return all;
}

/** What decode errors call a string of a type of its own: told by recorded answers, where they lie beside the documents. */
function readGoTypes(): Map<string, string> {
  const found = new Map<string, string>();
  const unclear = new Set<string>();
  for (const file of readdirSync(from).includes('answers') ? readdirSync(join(from, 'answers')).sort() : []) {
    const text = readFileSync(join(from, 'answers', file), 'utf8');
    for (const [, struct, path = '', type = ''] of text.matchAll(
      /Go struct field (\w+)\.([\w.$-]+) of type (?:\[\])?(v\w+\.\w+|types\.UID|string)/g,
    )) {
      const key = `${struct}.${path.slice(path.lastIndexOf('.') + 1)}`;
      if (found.has(key) && found.get(key) !== type) unclear.add(key);
      found.set(key, type);
    }
  }
  // Structs of two groups may share a name; where they disagree neither is told.
  for (const [key, type] of found) if (type === 'string' || unclear.has(key)) found.delete(key);
  return found;
}

/** Types of the same package are named without it. */
function qualified(type: string, message: string): string {
  const map = /^map<string, (.*)>$/.exec(type);
  if (map) return `{}${qualified(map[1] as string, message)}`;
  if (protobufScalar.has(type)) return type;
  const bare = type.replace(/^\./, '');
  return bare.includes('.') ? shortType(bare) : shortType(`${message.slice(0, message.lastIndexOf('.'))}.${bare}`);
}

function makeTypeTables(): void {
  const groups = new Map<string, Record<string, TypeRow>>();
  for (const [name, schema] of schemas) if (!special.has(name)) numberedFields(name, schema);
  problems.length = 0;
  for (const name of [...new Set([...schemas.keys(), ...messages.keys()])].sort()) {
    if (special.has(name)) continue;
    const group = name.slice(0, name.indexOf('.'));
    const types = groups.get(group) ?? {};
    groups.set(group, types);
    types[name.slice(group.length + 1)] = typeRow(name, group);
  }
  for (const [group, types] of groups) {
    const json = JSON.stringify(types);
    const text = `'${json.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
    files.set(
      `${group}.ts`,
      `${header}// biome-ignore format: one constant, parsed when the group is first asked for.\nexport const ${group} =\n  ${text};\n`,
    );
  }
  const names = [...groups.keys()].sort();
  const lines = names.map((name) => `  ${name}: () => ${name},`);
  const imports = names.map((name) => `import { ${name} } from './${name}.ts';`);
  files.set(
    'groups.ts',
    `${header}${imports.join('\n')}\n\nexport const groups: Readonly<Record<string, () => string>> = {\n${lines.join('\n')}\n};\n`,
  );
}

function typeRow(name: string, group: string): TypeRow {
  const schema = schemas.get(name);
  const numbered = numberedFields(name, schema);
  const rows: Row[] = [];
  const names = schema ? Object.keys(schema.properties ?? {}) : [...numbered.keys()];
  for (const property of names) {
    const at = numbered.get(property);
    const isTypeMeta = property === 'apiVersion' || property === 'kind';
    if (!at && !isTypeMeta && name !== 'version.Info') problems.push(`${name}.${property}: no number`);
    const own = schema?.properties?.[property];
    rows.push(
      own
        ? fieldRow(`${name}.${property}`, own, at, { group, required: schema?.required?.includes(property) ?? false })
        : bareRow(property, at, group),
    );
  }
  rows.sort((a, b) => order(a[1]) - order(b[1]));
  const extras: Extras = {};
  if (schema?.['x-kubernetes-map-type']) extras.mt = schema['x-kubernetes-map-type'];
  if (schema?.['x-kubernetes-unions']) extras.un = schema['x-kubernetes-unions'];
  if (schema && !schema.properties) extras.np = 1;
  const kinds = (schema?.['x-kubernetes-group-version-kind'] ?? []) as {
    group: string;
    version: string;
    kind: string;
  }[];
  return {
    ...(schema ? { o: 1 as const } : {}),
    f: rows,
    ...(kinds.length === 1 ? { g: kinds.map((kind) => `${kind.group}/${kind.version}/${kind.kind}`) } : {}),
    ...(Object.keys(extras).length > 0 ? { x: extras } : {}),
  };
}

function order(number: number | string): number {
  return String(number)
    .split('/')
    .reduce((sum, part, index) => sum + Number(part) / 1000 ** index, 0);
}

interface Place {
  readonly path: string;
  readonly type: string;
  readonly label: string;
  /** The embedded structs on the way. */
  readonly inside: readonly string[];
}

/** JSON names of a message's fields, with the numbers on the way to them: an embedded struct is a message of its own. */
function numberedFields(
  name: string,
  schema: Schema | undefined,
  prefix = '',
  inside: readonly string[] = [],
): Map<string, Place> {
  const fields = new Map<string, Place>();
  for (const field of messages.get(name) ?? []) {
    const path = `${prefix}${field.number}`;
    const key = `${name.slice(name.lastIndexOf('.') + 1)}.${field.name}`;
    // Versions that are not served are shaped as the served ones are.
    const json = schema
      ? jsonName(field.name, schema)
      : embeddings.has(key)
        ? undefined
        : (otherNames.get(key) ?? field.name);
    if (schema && json === undefined) embeddings.add(key);
    if (schema && json !== undefined && json !== field.name) otherNames.set(key, json);
    const embedded = json === undefined ? messages.get(field.type) : undefined;
    if (json !== undefined) fields.set(json, { path, type: field.type, label: field.label, inside });
    else if (embedded) {
      const own = field.type.slice(field.type.lastIndexOf('.') + 1);
      for (const [key, value] of numberedFields(field.type, schema, `${path}/`, [...inside, own]))
        fields.set(key, value);
    } else problems.push(`${name}.${field.name}: not in the schema`);
  }
  return fields;
}

const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, '');
function jsonName(name: string, schema: Schema): string | undefined {
  const properties = Object.keys(schema.properties ?? {});
  return (
    properties.find((property) => property === name) ?? properties.find((property) => plain(property) === plain(name))
  );
}

function bareRow(name: string, at: Place | undefined, group: string): Row {
  const type = at?.type ?? 'string';
  const element = type.startsWith('{}') ? `{}${typeCode(type.slice(2), group)}` : typeCode(type, group);
  return [name, numberOf(at), at?.label === 'repeated' ? `[]${element}` : element];
}

function typeCode(type: string, group: string): string {
  const code = protobufScalar.get(type) ?? special.get(type);
  if (code) return code;
  const wrapped = wrapper(type);
  if (wrapped) return `w[]${wrapped}`;
  return type.startsWith(`${group}.`) ? `@${type.slice(group.length)}` : `@${type}`;
}

/** ExtraValue, Verbs: a message around a list, which in JSON is the list. */
function wrapper(type: string): string | undefined {
  const fields = messages.get(type);
  const only = fields?.[0];
  return fields?.length === 1 && only?.name === 'items' && only.label === 'repeated' && only.type === 'string'
    ? 's'
    : undefined;
}

const numberOf = (at: Place | undefined): number | string =>
  at ? (at.path.includes('/') ? at.path : Number(at.path)) : 0;

function fieldRow(
  path: string,
  schema: Schema,
  at: Place | undefined,
  { group, required }: { readonly group: string; readonly required: boolean },
): Row {
  const type = schemaCode(schema, at?.type, group);
  const name = path.slice(path.lastIndexOf('.') + 1);
  const extras: Extras = {};
  let marks = required ? 'r' : '';
  if ('default' in schema) {
    if (isZero(schema.default)) marks += 'z';
    else extras.d = schema.default;
  }
  if (optionalScalars.has(path)) marks += 'p';
  if (nullWhenAbsent.has(path)) marks += 'n';
  if (zeroWhenAbsent.has(path)) marks += 'v';
  if (omittedWhenAbsent.has(path)) marks += 'o';
  for (const table of [optionalScalars, nullWhenAbsent, zeroWhenAbsent, omittedWhenAbsent])
    if (table.has(path)) known.add(path);
  if (schema.enum) extras.e = schema.enum;
  const elementEnum = schema.items?.enum ?? schema.additionalProperties?.enum;
  if (elementEnum) extras.ee = elementEnum;
  const listType = schema['x-kubernetes-list-type'];
  if (listType) extras.l = listType;
  if (schema['x-kubernetes-list-map-keys']) extras.k = schema['x-kubernetes-list-map-keys'];
  if (schema['x-kubernetes-patch-merge-key']) extras.mk = schema['x-kubernetes-patch-merge-key'];
  if (schema['x-kubernetes-patch-strategy']) extras.ps = schema['x-kubernetes-patch-strategy'];
  if (schema['x-kubernetes-map-type']) extras.mt = schema['x-kubernetes-map-type'];
  if (at && at.inside.length > 0) extras.in = at.inside;
  const goType = goTypes.get(`${path.split('.').at(-2)}.${name}`);
  if (goType && /^(?:\[\])?s$/.test(type)) extras.gt = goType;
  const row: Row = [name, numberOf(at), type];
  if (marks || Object.keys(extras).length > 0) row.push(marks);
  if (Object.keys(extras).length > 0) row.push(extras);
  return row;
}

const isZero = (value: unknown) => value === '' || value === 0 || value === false || JSON.stringify(value) === '{}';

function schemaCode(schema: Schema, wire: string | undefined, group: string): string {
  const reference = schema.$ref ?? schema.allOf?.[0]?.$ref;
  if (reference) return typeCode(shortType(reference.slice(reference.lastIndexOf('/') + 1)), group);
  const element = wire?.startsWith('{}') ? wire.slice(2) : wire;
  if (schema.type === 'array') {
    return `${element && wrapper(element) ? 'w' : ''}[]${schemaCode(schema.items ?? {}, element && wrapper(element) ? undefined : element, group)}`;
  }
  if (schema.additionalProperties) return `{}${schemaCode(schema.additionalProperties, element, group)}`;
  if (element === 'meta.v1.Duration') return 'D';
  if (schema.type === 'boolean') return 'b';
  if (schema.type === 'number') return 'd';
  if (schema.type === 'integer') return schema.format === 'int32' ? 'i' : 'l';
  if (schema.format === 'byte') return 'y';
  if (schema.type === 'object') return 'j';
  return 's';
}

function resourcesFile(): string {
  const lists = Object.values(read('discovery-aggregated.json')) as { items: DiscoveredGroup[] }[];
  const lines: string[] = [];
  for (const group of lists.flatMap((list) => list.items)) {
    for (const version of group.versions) {
      for (const resource of version.resources ?? [])
        lines.push(`  ${JSON.stringify(facts(group.metadata.name ?? '', version.version, resource))},`);
    }
  }
  return `${header}import type { KindFacts } from '../../kind.ts';\n\n// biome-ignore format: one kind a line.\nexport const resources: readonly KindFacts[] = [\n${lines.join('\n')}\n];\n`;
}

interface DiscoveredKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}
interface DiscoveredGroup {
  readonly metadata: { readonly name?: string };
  readonly versions: readonly { readonly version: string; readonly resources?: readonly Discovered[] }[];
}
interface Discovered {
  readonly resource: string;
  readonly responseKind: DiscoveredKind;
  readonly scope: string;
  readonly singularResource: string;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly subresources?: readonly {
    readonly subresource: string;
    readonly responseKind: DiscoveredKind;
    readonly verbs: readonly string[];
  }[];
}

function facts(group: string, version: string, resource: Discovered) {
  return {
    group,
    version,
    kind: resource.responseKind.kind,
    plural: resource.resource,
    singular: resource.singularResource,
    namespaced: resource.scope === 'Namespaced',
    verbs: resource.verbs,
    shortNames: resource.shortNames ?? [],
    categories: resource.categories ?? [],
    subresources: (resource.subresources ?? []).map(({ subresource, responseKind, verbs }) => ({
      name: subresource,
      group: responseKind.version ? responseKind.group : group,
      version: responseKind.version || version,
      kind: responseKind.kind,
      verbs,
    })),
  };
}

function writeOrCheck(): void {
  for (const path of [...optionalScalars, ...nullWhenAbsent, ...zeroWhenAbsent, ...omittedWhenAbsent]) {
    if (!known.has(path)) problems.push(`${path}: named in schema-scalars.ts, but there is no such field`);
  }
  for (const problem of problems) console.error(problem);
  let size = 0;
  let stale = 0;
  mkdirSync(out, { recursive: true });
  for (const [file, text] of files) {
    size += text.length;
    if (!flags.check) writeFileSync(join(out, file), text);
    else if (readdirSync(out).includes(file) === false || readFileSync(join(out, file), 'utf8') !== text) {
      console.error(`${file} is not what tools/schema.ts makes: run it again`);
      stale += 1;
    }
  }
  console.log(`${files.size} files, ${size} bytes${flags.check ? `, ${stale} stale` : ''}`);
  if (stale > 0 || problems.length > 0) process.exitCode = 1;
}

makeTypeTables();
files.set('resources.ts', resourcesFile());
writeOrCheck();
