import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import { wire } from '../protobuf-wire.ts';
import { Writer } from '../protobuf-writer.ts';

/** How clients ask for OpenAPI v2 in protobuf, and what they are answered: an @ is no part of a media type. */
export const openApiProtobufAccept = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
export const openApiProtobufType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

type Write = (writer: Writer, number: number, value: Json) => void;
/** A message: what each member of the JSON document is. */
interface Message {
  readonly fields: Readonly<Record<string, readonly [number: number, write: Write]>>;
  /** The number of what begins with `x-`. */
  readonly extensions?: number;
}

/** An OpenAPI v2 document in protobuf, by the numbers of the published openapi.v2 messages. */
export function openApiProtobuf(document: JsonObject): Uint8Array {
  const writer = new Writer(1 << 20);
  write(writer, documentMessage, document);
  return writer.finish();
}

// Written from the end to the start, members in the order of the document.
function write(writer: Writer, { fields, extensions }: Message, value: JsonObject): void {
  for (const [key, member] of Object.entries(value).reverse()) {
    const field = fields[key];
    if (field) field[1](writer, field[0], member);
    else if (extensions !== undefined && key.startsWith('x-')) named(any)(writer, extensions, [key, member]);
  }
}

function delimited(writer: Writer, number: number, content: () => void): void {
  const start = writer.position;
  content();
  writer.delimited(number, start);
}

const text: Write = (writer, number, value) => delimited(writer, number, () => writer.text(String(value)));
const flag: Write = (writer, number, value) => {
  writer.varint(value ? 1 : 0);
  writer.tag(number, wire.varint);
};
const each =
  (item: Write): Write =>
  (writer, number, value) => {
    for (const one of (value as readonly Json[]).toReversed()) item(writer, number, one);
  };
const message =
  (of: () => Message): Write =>
  (writer, number, value) =>
    delimited(writer, number, () => write(writer, of(), value as JsonObject));
/** Values that may be anything travel as YAML, which JSON is. */
const any: Write = (writer, number, value) => delimited(writer, number, () => text(writer, 2, JSON.stringify(value)));
/** A pair of a name and a value. */
const named =
  (value: Write): Write =>
  (writer, number, pair) => {
    const [name, held] = pair as readonly [string, Json];
    delimited(writer, number, () => {
      value(writer, 2, held);
      text(writer, 1, name);
    });
  };
/** A map is a message of pairs. */
const pairs =
  (value: Write, inner = 1): Write =>
  (writer, number, map) =>
    delimited(writer, number, () => {
      for (const pair of Object.entries(map as JsonObject).reverse()) named(value)(writer, inner, pair as Json);
    });
/** A message that only says which of several it holds. */
const choice =
  (choose: (value: JsonObject) => readonly [number: number, write: Write]): Write =>
  (writer, number, value) =>
    delimited(writer, number, () => {
      const [inner, one] = choose(value as JsonObject);
      one(writer, inner, value);
    });

const words: Write = (writer, number, value) =>
  delimited(writer, number, () => each(text)(writer, 1, Array.isArray(value) ? value : [value]));

const schema = message(() => schemaMessage);
const schemaMessage: Message = {
  fields: {
    $ref: [1, text],
    format: [2, text],
    title: [3, text],
    description: [4, text],
    default: [5, any],
    pattern: [13, text],
    uniqueItems: [16, flag],
    required: [19, each(text)],
    enum: [20, each(any)],
    additionalProperties: [
      21,
      (writer, number, value) =>
        delimited(writer, number, () => (isObject(value) ? schema(writer, 1, value) : flag(writer, 2, value))),
    ],
    type: [22, words],
    items: [23, (writer, number, value) => delimited(writer, number, () => schema(writer, 1, value))],
    allOf: [24, each(schema)],
    properties: [25, pairs(schema)],
    readOnly: [27, flag],
    example: [30, any],
  },
  extensions: 31,
};

const response = message(() => ({
  fields: {
    description: [1, text],
    schema: [2, (writer, number, value) => delimited(writer, number, () => schema(writer, 1, value))],
  },
  extensions: 5,
}));
const responses: Write = (writer, number, value) =>
  pairs((inner, at, one) => delimited(inner, at, () => response(inner, 1, one)))(writer, number, value);

const bodyParameter = message(() => ({
  fields: { description: [1, text], name: [2, text], in: [3, text], required: [4, flag], schema: [5, schema] },
  extensions: 6,
}));
const queryParameter = message(() => ({
  fields: {
    required: [1, flag],
    in: [2, text],
    description: [3, text],
    name: [4, text],
    type: [6, text],
    format: [7, text],
    uniqueItems: [20, flag],
  },
  extensions: 23,
}));
const pathParameter = message(() => ({
  fields: {
    required: [1, flag],
    in: [2, text],
    description: [3, text],
    name: [4, text],
    type: [5, text],
    format: [6, text],
    uniqueItems: [19, flag],
  },
  extensions: 22,
}));
const elsewhere = choice((parameter) => (parameter.in === 'path' ? [4, pathParameter] : [3, queryParameter]));
const parameter = choice(() => [1, choice((value) => (value.in === 'body' ? [1, bodyParameter] : [2, elsewhere]))]);

const operation = message(() => ({
  fields: {
    tags: [1, each(text)],
    description: [3, text],
    operationId: [5, text],
    produces: [6, each(text)],
    consumes: [7, each(text)],
    parameters: [8, each(parameter)],
    responses: [9, responses],
    schemes: [10, each(text)],
    deprecated: [11, flag],
  },
  extensions: 13,
}));
const pathItem = message(() => ({
  fields: {
    get: [2, operation],
    put: [3, operation],
    post: [4, operation],
    delete: [5, operation],
    options: [6, operation],
    head: [7, operation],
    patch: [8, operation],
    parameters: [9, each(parameter)],
  },
  extensions: 10,
}));
const apiKey = message(() => ({ fields: { type: [1, text], name: [2, text], in: [3, text], description: [4, text] } }));

const documentMessage: Message = {
  fields: {
    swagger: [1, text],
    info: [2, message(() => ({ fields: { title: [1, text], version: [2, text] } }))],
    paths: [8, pairs(pathItem, 2)],
    definitions: [9, pairs(schema)],
    security: [12, each(pairs(words))],
    securityDefinitions: [13, pairs(choice(() => [2, apiKey]))],
  },
  extensions: 16,
};
