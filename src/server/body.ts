import { ApiError } from '../api/error.ts';
import { decodeProtobufInSteps } from '../api/protobuf.ts';
import { ProtobufError } from '../api/protobuf-wire.ts';
import { type DecodedJson, inOrderOfText, JsonSyntaxError } from '../api/schema/decode-json.ts';
import { decodeJsonInSteps } from '../api/schema/decode-long-json.ts';
import { type ApiRequest, jsonType, protobufType, yamlType } from '../api/wire.ts';
import { decodeYamlInSteps } from '../api/yaml/decode.ts';
import { YamlError } from '../api/yaml/scalars.ts';
import { decodeText, encodeText, type Json } from '../base/json.ts';
import { finish, type Steps, stepMembersMax } from '../base/steps.ts';

/** What a body says, before anybody asks what it is. */
export interface BodyValue {
  readonly value: Json;
  /** What a strict reader complains about: fields that are written twice. */
  readonly complaints: readonly string[];
  /** These and fields that nobody knows, as they follow one another in the body; absent where nothing stands twice. */
  readonly inOrder?: ((unknown: readonly string[]) => Steps<readonly string[]>) | undefined;
}

export const unknownField = (path: string): string => `unknown field ${JSON.stringify(path)}`;
const duplicateField = (path: string): string => `duplicate field ${JSON.stringify(path)}`;

/** Why a body cannot be read, in upstream's words. Whoever knows what was expected makes an answer of it. */
export class UnreadableBody extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UnreadableBody';
  }
}

/** What a body is told to be, in the order in which upstream names them. */
export const acceptedTypes: readonly string[] = [jsonType, yamlType, protobufType];
/** How much of a body an error message shows. */
const summaryMax = 30;

/** The media type without its parameters. */
export function mediaTypeOf(request: ApiRequest): string {
  if (!request.body || 'object' in request.body || request.body.mediaType === jsonType) return jsonType;
  return bareType(request.body.mediaType) || jsonType;
}

/** What a request says that it is sent in, even where it sends nothing. */
export function sentTypeOf(request: ApiRequest): string {
  if (request.body) return mediaTypeOf(request);
  return bareType(request.headers['content-type'] ?? '') || jsonType;
}

const bareType = (text: string): string => (text.split(';', 1)[0] as string).trim().toLowerCase();

/** JSON, YAML or protobuf, by what the request says it is. `strict` looks for fields that are written twice. */
export function* readBody(request: ApiRequest, strict: boolean): Steps<BodyValue> {
  const { body } = request;
  if (body && 'object' in body) return { value: body.object, complaints: [] };
  const bytes = body?.bytes ?? new Uint8Array();
  switch (mediaTypeOf(request)) {
    case jsonType:
      return yield* readJson(bytes, strict);
    case yamlType:
      return yield* readYaml(bytes, strict);
    case protobufType:
      return yield* readProtobuf(bytes);
    default:
      throw new ApiError('UnsupportedMediaType', unknownFormat(acceptedTypes));
  }
}

export const unknownFormat = (accepted: readonly string[]): string =>
  `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;

/** A body of JSON or YAML as a value: what patches are made of. */
export function* readJson(bytes: Uint8Array, strict: boolean): Steps<BodyValue> {
  try {
    const text = yield* textOf(bytes);
    return new JsonBody(text, yield* decodeJsonInSteps(text, { duplicates: strict }));
  } catch (error) {
    if (error instanceof JsonSyntaxError) {
      throw new UnreadableBody(`couldn't get version/kind; json parse error: ${error.message}`);
    }
    throw error;
  }
}

/** What stands twice is looked for by whoever asks for complaints: in a long body that is a step of its own. */
class JsonBody implements BodyValue {
  readonly #text: string;
  readonly #read: DecodedJson;

  constructor(text: string, read: DecodedJson) {
    this.#text = text;
    this.#read = read;
  }

  get value(): Json {
    return this.#read.value;
  }

  get complaints(): readonly string[] {
    return this.#read.duplicates.map(duplicateField);
  }

  get inOrder(): BodyValue['inOrder'] {
    return this.#read.duplicates.length === 0 ? undefined : (unknown) => this.#inOrder(unknown);
  }

  *#inOrder(unknown: readonly string[]): Steps<readonly string[]> {
    const found = yield* inOrderOfText(this.#text, this.#read.duplicates, unknown);
    return found.map(({ path, again }) => (again ? duplicateField : unknownField)(path));
  }
}

export function* readYaml(bytes: Uint8Array, strict: boolean): Steps<BodyValue> {
  try {
    const { value, duplicates } = yield* decodeYamlInSteps(yield* textOf(bytes));
    const told = strict && duplicates.length > 0;
    return { value, complaints: told ? [`yaml: unmarshal errors:\n${duplicates.join('\n')}`] : [] };
  } catch (error) {
    if (error instanceof YamlError) throw new UnreadableBody(error.message);
    throw error;
  }
}

function* readProtobuf(bytes: Uint8Array): Steps<BodyValue> {
  try {
    const { apiVersion, kind, value } = yield* decodeProtobufInSteps(bytes);
    return { value: { ...value, apiVersion, kind }, complaints: [] };
  } catch (error) {
    if (error instanceof ProtobufError || error instanceof JsonSyntaxError) throw new UnreadableBody(error.message);
    throw error;
  }
}

const replacement = encodeText('\ufffd');
const longestSequence = 4;
/** What marks the order of bytes is left out at the beginning of a text alone. */
const inside = new TextDecoder('utf-8', { ignoreBOM: true });
/** So many bytes are looked at in one step. */
const repairedBytesMax = 16 * 1024;

/** Bytes that are not UTF-8 become replacement characters, as in Go's decoder. */
function* textOf(bytes: Uint8Array): Steps<string> {
  try {
    return decodeText(bytes);
  } catch {
    return yield* repaired(bytes);
  }
}

function* repaired(bytes: Uint8Array): Steps<string> {
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(at + repairedBytesMax, bytes.length);
    const room = new Uint8Array((end - at) * replacement.length + longestSequence);
    let size = 0;
    while (at < end) {
      const length = sequenceAt(bytes, at);
      if (length === 0) room.set(replacement, size);
      else for (let index = 0; index < length; index++) room[size + index] = bytes[at + index] as number;
      size += length || replacement.length;
      at += length || 1;
    }
    const whole = room.subarray(0, size);
    pieces.push(pieces.length === 0 ? decodeText(whole) : inside.decode(whole));
    yield stepMembersMax;
  }
  return pieces.join('');
}

/** The length of the UTF-8 sequence that starts here, or 0. */
function sequenceAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  const size =
    first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
  if (size === 0 || at + size > bytes.length) return 0;
  for (let index = 1; index < size; index++) if (((bytes[at + index] as number) & 0xc0) !== 0x80) return 0;
  const second = bytes[at + 1] as number;
  // Written longer than need be, half of a pair, or beyond the last character.
  const isOdd =
    (first === 0xe0 && second < 0xa0) ||
    (first === 0xed && second > 0x9f) ||
    (first === 0xf0 && second < 0x90) ||
    (first === 0xf4 && second > 0x8f);
  return isOdd ? 0 : size;
}

/** How a body looks in an error message: text where it is an object, else its bytes. */
export function summaryOf(request: ApiRequest): string {
  const { body } = request;
  if (!body || 'object' in body) return shortened(JSON.stringify(body?.object ?? null));
  const { bytes } = body;
  if (bytes.length === 0) return '<empty>';
  if (bytes[0] === 123) {
    return shortened(finish(textOf(bytes.subarray(0, summaryMax * 4))), bytes.length > summaryMax);
  }
  const hex = [...bytes.subarray(0, summaryMax)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return bytes.length > summaryMax ? `${hex} ...` : hex;
}

const shortened = (text: string, more = text.length > summaryMax): string =>
  more ? `${text.slice(0, summaryMax)} ...` : text;

/** The whole body as text, for the messages that show all of it. */
export function* wholeText(request: ApiRequest): Steps<string> {
  const { body } = request;
  if (!body || 'object' in body) return JSON.stringify(body?.object ?? null);
  return yield* textOf(body.bytes);
}

/** What is read in one go: whoever is asked such things needs a few fields. */
const shortBytesMax = 256 * 1024;

/** For doors at which nothing long is asked: it is not read at all. */
export function requireShort({ body }: ApiRequest): void {
  if (!body || 'object' in body || body.bytes.length <= shortBytesMax) return;
  throw new ApiError('RequestEntityTooLarge', `Request entity too large: limit is ${shortBytesMax} here`);
}
