import { equalJson, isObject, type Json, type JsonObject } from '../../base/json.ts';

/** What another API server adds to the Swagger 2.0 document. */
export interface SwaggerPart {
  readonly paths: JsonObject;
  readonly definitions: JsonObject;
}

const ofDefinition = '#/definitions/';
const ofParameter = '#/parameters/';

/** What a server's document says of the paths below a root, and nothing else of it. Throws where it is no document. */
export function swaggerPart(document: Json | undefined, root: string): SwaggerPart {
  if (!isObject(document) || !isObject(document.paths)) throw new Error('the document has no paths');
  const parameters = isObject(document.parameters) ? document.parameters : {};
  const definitions = isObject(document.definitions) ? document.definitions : {};
  const own = Object.entries(document.paths).filter(([path]) => path.startsWith(`${root}/`));
  const paths = Object.fromEntries(own.map(([path, item]) => [path, withParameters(item, parameters)]));
  return { paths, definitions: reached(paths, definitions) };
}

/** A document with what other servers add to it: what they call by a name that is taken gets another one. */
export function withSwaggerParts(whole: JsonObject, parts: readonly SwaggerPart[]): JsonObject {
  const paths = new Map(Object.entries(whole.paths as JsonObject));
  const definitions = new Map(Object.entries(whole.definitions as JsonObject));
  // What was renamed is compared as it came: two servers may well say the same.
  const came = new Map(definitions);
  for (const part of parts) {
    const names = new Map<string, string>();
    for (const [name, schema] of Object.entries(part.definitions)) {
      names.set(`${ofDefinition}${name}`, `${ofDefinition}${freeName(name, schema, came)}`);
    }
    const renamed = (value: Json) => mapReferences(value, (reference) => names.get(reference) ?? reference);
    for (const [name, schema] of Object.entries(part.definitions)) {
      const free = (names.get(`${ofDefinition}${name}`) as string).slice(ofDefinition.length);
      if (definitions.has(free)) continue;
      definitions.set(free, renamed(schema));
      came.set(free, schema);
    }
    for (const [path, item] of Object.entries(part.paths)) if (!paths.has(path)) paths.set(path, renamed(item));
  }
  return { ...whole, paths: Object.fromEntries(paths), definitions: Object.fromEntries(definitions) };
}

function freeName(name: string, schema: Json, taken: ReadonlyMap<string, Json>): string {
  let free = name;
  for (let n = 2; taken.has(free) && !equalJson(taken.get(free), schema); n++) free = `${name}_v${n}`;
  return free;
}

/** The definitions that the paths name, and all that those name. */
function reached(paths: JsonObject, definitions: JsonObject): JsonObject {
  const found = new Map<string, Json>();
  const queue: Json[] = [paths];
  for (let value = queue.pop(); value !== undefined; value = queue.pop()) {
    mapReferences(value, (reference) => {
      const name = reference.startsWith(ofDefinition) ? reference.slice(ofDefinition.length) : '';
      if (name === '' || found.has(name)) return reference;
      // A name that leads nowhere would break whoever reads the whole.
      const schema = Object.hasOwn(definitions, name) ? (definitions[name] as Json) : { type: 'object' };
      found.set(name, schema);
      queue.push(schema);
      return reference;
    });
  }
  return Object.fromEntries(found);
}

/** The whole document has no place for the parameters that others share among their paths. */
function withParameters(value: Json, parameters: JsonObject): Json {
  if (Array.isArray(value)) return value.map((item) => withParameters(item, parameters));
  if (!isObject(value)) return value;
  const { $ref } = value;
  if (typeof $ref === 'string' && $ref.startsWith(ofParameter)) {
    const shared = parameters[$ref.slice(ofParameter.length)];
    if (!isObject(shared)) throw new Error(`the document has no ${$ref}`);
    return shared;
  }
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withParameters(member, parameters)]));
}

function mapReferences(value: Json, change: (reference: string) => string): Json {
  if (Array.isArray(value)) return value.map((item) => mapReferences(item, change));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      key === '$ref' && typeof member === 'string' ? change(member) : mapReferences(member, change),
    ]),
  );
}
