import { isApiError } from '../api/error.ts';
import { isObject, type Json, type JsonObject } from '../base/json.ts';
import { jsonOf } from '../client/client.ts';
import { CommandFailure, clusterFlags, defineCommand } from './command.ts';
import { defineFlags, UsageError } from './flags.ts';
import { ServedKinds } from './served-kinds.ts';

/** Columns of a line, its indentation included. */
const widthMax = 80;
const textIndent = 4;

export const explain = defineCommand({
  name: 'explain',
  summary: 'Say what a kind of object is made of',
  usage: 'TYPE[.FIELD...] [flags]',
  flags: defineFlags({
    recursive: { type: 'switch', help: 'the names of all fields, however deep' },
    'api-version': { type: 'text', value: 'GROUP/VERSION', help: 'of this version of the type' },
    ...clusterFlags,
  }),
  async run({ io, values, rest, client }) {
    const [word, ...more] = rest;
    if (word === undefined || more.length > 0) {
      throw new UsageError('explain needs one type: mini-k8s explain pods.spec.containers');
    }
    const [type = '', ...path] = word.split('.');
    const api = await client();
    const served = await ServedKinds.of(api);
    const named = served.one(type);
    const wanted = values['api-version'] ?? named.apiVersion;
    const kind = served.byKind(wanted, named.kind);
    const missing = `error: couldn't find resource for "${wanted}, Resource=${named.plural}"`;
    if (!kind) throw new CommandFailure(missing);
    const document = `/openapi/v3/${kind.group ? `apis/${kind.group}` : 'api'}/${kind.version}`;
    try {
      const schemas = new Schemas((await jsonOf(await api.request({ method: 'GET', path: document }))) as JsonObject);
      const root = schemas.ofKind(kind);
      if (!root) throw new CommandFailure(missing);
      io.out(header(kind));
      io.out(new Explanation(schemas, values.recursive).text(root, path));
      return 0;
    } catch (error) {
      if (isApiError(error, 'NotFound')) throw new CommandFailure(missing);
      throw error;
    }
  },
});

function header({
  group,
  version,
  kind,
}: {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}): string {
  return `${group ? `GROUP:      ${group}\n` : ''}KIND:       ${kind}\nVERSION:    ${version}\n\n`;
}

/** The schemas of one OpenAPI document, found by reference. */
class Schemas {
  readonly #all: JsonObject;

  constructor(document: JsonObject) {
    const components = isObject(document.components) ? document.components : {};
    this.#all = isObject(components.schemas) ? components.schemas : {};
  }

  ofKind(kind: { readonly group: string; readonly version: string; readonly kind: string }): JsonObject | undefined {
    return Object.values(this.#all)
      .filter(isObject)
      .find((schema) => {
        const kinds = schema['x-kubernetes-group-version-kind'];
        return (
          Array.isArray(kinds) &&
          kinds.length === 1 &&
          kinds.some(
            (one) =>
              isObject(one) &&
              one.kind === kind.kind &&
              one.version === kind.version &&
              (one.group ?? '') === kind.group,
          )
        );
      });
  }

  /** The name that a schema refers to, directly or as its only part. */
  reference(schema: JsonObject): string | undefined {
    const target = typeof schema.$ref === 'string' ? schema.$ref : undefined;
    if (target !== undefined) return target.slice(target.lastIndexOf('/') + 1);
    const parts = schema.allOf;
    const [only] = Array.isArray(parts) && parts.length === 1 ? (parts as readonly Json[]) : [];
    return isObject(only) ? this.reference(only) : undefined;
  }

  /** What stands behind references, lists and maps: where the fields are. */
  inside(schema: JsonObject): JsonObject {
    const name = this.reference(schema);
    const target = name === undefined ? undefined : this.#all[name];
    if (isObject(target)) return this.inside(target);
    if (isObject(schema.items)) return this.inside(schema.items);
    return isObject(schema.additionalProperties) ? this.inside(schema.additionalProperties) : schema;
  }

  typeOf(schema: JsonObject): string {
    const name = this.reference(schema);
    if (name !== undefined) return name.slice(name.lastIndexOf('.') + 1);
    if (isObject(schema.items)) return `[]${this.typeOf(schema.items)}`;
    if (isObject(schema.additionalProperties)) return `map[string]${this.typeOf(schema.additionalProperties)}`;
    return schema.type === 'object' || schema.type === undefined ? 'Object' : String(schema.type);
  }
}

const textOf = (schema: JsonObject): string => (typeof schema.description === 'string' ? schema.description : '');
const enumOf = (schema: JsonObject): readonly string[] => (Array.isArray(schema.enum) ? schema.enum.map(String) : []);

/** One explanation, laid out as kubectl does. */
class Explanation {
  readonly #schemas: Schemas;
  readonly #recursive: boolean;

  constructor(schemas: Schemas, recursive: boolean) {
    this.#schemas = schemas;
    this.#recursive = recursive;
  }

  text(root: JsonObject, path: readonly string[]): string {
    let field = root;
    for (const name of path) {
      const { properties } = this.#schemas.inside(field);
      const next = isObject(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined;
      if (!isObject(next)) throw new CommandFailure(`error: field ${JSON.stringify(name)} does not exist`);
      field = next;
    }
    const last = path.at(-1);
    const values = last === undefined ? [] : enumOf(field);
    return [
      last === undefined ? '' : `FIELD: ${last} <${this.#schemas.typeOf(field)}>\n`,
      values.length > 0 ? `ENUM:\n${values.map((value) => `    ${value}\n`).join('')}` : '',
      last === undefined ? '' : values.length > 0 ? '\n' : '\n\n',
      this.#description(field),
      this.#fields(field),
      '\n',
    ].join('');
  }

  #description(field: JsonObject): string {
    const texts = [textOf(field), textOf(this.#schemas.inside(field))].filter(Boolean);
    const shown = texts.length > 0 ? [...new Set(texts)] : ['<empty>'];
    return `DESCRIPTION:\n${shown.map(wrapped).join('')}${' '.repeat(textIndent)}\n`;
  }

  #fields(field: JsonObject): string {
    const { properties, required } = this.#schemas.inside(field);
    if (!isObject(properties)) return '';
    return `FIELDS:\n${this.#list({ properties, required }, 1, [])}`;
  }

  #list(
    { properties, required }: { readonly properties: JsonObject; readonly required: Json | undefined },
    depth: number,
    parents: readonly string[],
  ): string {
    const must = new Set(Array.isArray(required) ? required : []);
    let out = '';
    for (const name of Object.keys(properties).sort()) {
      const schema = properties[name];
      if (!isObject(schema)) continue;
      const type = this.#schemas.typeOf(schema);
      const indent = '  '.repeat(depth);
      out += `${indent}${name}\t<${type}>${must.has(name) ? ' -required-' : ''}\n`;
      const values = enumOf(schema);
      if (values.length > 0) out += `${indent}enum: ${values.join(', ')}\n`;
      if (!this.#recursive)
        out += `${wrapped(textOf(schema) || textOf(this.#schemas.inside(schema)) || '<no description>')}\n`;
      else if (!parents.includes(type)) out += this.#nested(schema, depth + 1, [...parents, type]);
    }
    return out;
  }

  #nested(schema: JsonObject, depth: number, parents: readonly string[]): string {
    const { properties, required } = this.#schemas.inside(schema);
    return isObject(properties) ? this.#list({ properties, required }, depth, parents) : '';
  }
}

/** Its own line breaks stay; a word that is too long for a line has one of its own. */
function wrapped(text: string): string {
  const width = widthMax - textIndent;
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      const longer = line === '' ? word : `${line} ${word}`;
      if (longer.length <= width || line === '') line = longer;
      else {
        lines.push(line);
        line = word;
      }
    }
    lines.push(line);
  }
  return lines.map((line) => `${' '.repeat(textIndent)}${line}\n`).join('');
}
