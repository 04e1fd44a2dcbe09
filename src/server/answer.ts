import { ApiError } from '../api/error.ts';
import type { Kind } from '../api/kind.ts';
import type { KubeObject } from '../api/object.ts';
import { encodeProtobuf, ProtobufList } from '../api/protobuf-encode.ts';
import { ProtobufError } from '../api/protobuf-wire.ts';
import { tableOf as goPackageOf } from '../api/schema/names.ts';
import { type ApiRequest, type ApiResponse, jsonType, objectType, protobufType, yamlType } from '../api/wire.ts';
import { encodeYaml, yamlTexts } from '../api/yaml/encode.ts';
import type { Clock } from '../base/env.ts';
import { encodeText, type Json, type JsonObject } from '../base/json.ts';
import { isLarge } from '../base/steps.ts';
import type { Entry } from '../store/store.ts';
import type { AnswerType, Wanted } from './negotiate.ts';
import type { Listed } from './read.ts';
import { mapInSlices } from './slices.ts';
import { type Describe, includeOf, partialMetadata, tableOf } from './table.ts';
import { TextPieces } from './text-pieces.ts';
import { hasProtobuf, objectText, type Views } from './views.ts';
import type { Written } from './write.ts';

/** A list whose text is not longer is answered as a whole. */
const wholeTextMax = 128 * 1024;

interface AnswerDeps {
  readonly views: Views;
  readonly clock: Clock;
  readonly describe?: Describe | undefined;
}
/** What is answered, and how. */
export interface Asked {
  readonly kind: Kind;
  readonly request: ApiRequest;
  readonly wanted: Wanted;
}

/** An object in the encoding that was negotiated. */
export function encodedAnswer(status: number, object: Json, mediaType: AnswerType): ApiResponse {
  if (mediaType === yamlType) return { status, body: { bytes: encodeText(encodeYaml(object)), mediaType } };
  if (mediaType !== protobufType) return { status, body: { object } };
  return { status, body: { bytes: protobufOf(object as JsonObject), mediaType } };
}

function protobufOf(object: JsonObject): Uint8Array {
  try {
    return encodeProtobuf(object.apiVersion === undefined ? { ...object, apiVersion: 'v1' } : object);
  } catch (error) {
    if (error instanceof ProtobufError) throw noProtobuf();
    throw error;
  }
}

const noProtobuf = () =>
  new ApiError(
    'NotAcceptable',
    'object *unstructured.Unstructured does not implement the protobuf marshalling interface and cannot be encoded to a protobuf message',
    {},
  );

/** Makes answers of objects, in every shape and encoding; what is stored is answered from shared bytes. */
export class Answers {
  readonly #deps: AnswerDeps;

  constructor(deps: AnswerDeps) {
    this.#deps = deps;
  }

  entry(entry: Entry, asked: Asked, status = 200): ApiResponse {
    const { kind, wanted } = asked;
    const { views } = this.#deps;
    if (!wanted.as && wanted.mediaType === jsonType) {
      return { status, mediaType: jsonType, chunks: [views.json(kind, entry)] };
    }
    if (!wanted.as && wanted.mediaType === protobufType && hasProtobuf(kind)) {
      return { status, mediaType: protobufType, chunks: [views.protobuf(kind, entry)] };
    }
    return this.one(status, views.object(kind, entry), asked);
  }

  /** What was just written: of what is stored, the text was made for the disk. */
  written(status: number, written: Written, asked: Asked): ApiResponse {
    if ('object' in written) return this.one(status, written.object, asked);
    const { kind, wanted } = asked;
    if (wanted.as || wanted.mediaType !== jsonType) return this.entry(written.entry, asked, status);
    const text = this.#deps.views.text(kind, written.entry);
    return { status, mediaType: jsonType, chunks: [encodeText(`${text}\n`)] };
  }

  one(status: number, object: KubeObject, asked: Asked): ApiResponse {
    const { as, mediaType } = asked.wanted;
    if (as || mediaType !== jsonType) return this.#encoded(status, this.#shaped(object, asked), mediaType);
    return { status, mediaType, chunks: [encodeText(`${objectText(object)}\n`)] };
  }

  /** What is long is made while it is written, where that takes long. */
  #encoded(status: number, value: Json, mediaType: AnswerType): ApiResponse {
    if (mediaType !== yamlType || !isLarge(value)) return encodedAnswer(status, value, mediaType);
    return { status, mediaType, pieces: new TextPieces(this.#deps.clock, yamlTexts(value)) };
  }

  #shaped(object: KubeObject, { kind, wanted, request }: Asked): Json {
    if (!wanted.as) return object as unknown as Json;
    if (wanted.as === 'PartialObjectMetadata') return partialMetadata(kind, object, wanted.version);
    if (wanted.as === 'Table') {
      const metadata = { resourceVersion: object.metadata.resourceVersion };
      return this.#table(kind, [object], metadata, { request, wanted });
    }
    throw wrongShape(wanted.as, `is not a list (*${goPackageOf(kind.group)}.${kind.kind})`);
  }

  #table(
    kind: Kind,
    objects: readonly KubeObject[],
    metadata: Json,
    { request, wanted }: Pick<Asked, 'request' | 'wanted'>,
  ): Json {
    const include = includeOf(request.query);
    const { version = 'v1' } = wanted;
    const { clock, describe } = this.#deps;
    return tableOf(kind, objects, { now: clock.now(), include, metadata, version, describe });
  }

  /** Long lists are made in slices: what is not encoded yet is encoded a little at a time. */
  async list(listed: Listed, asked: Asked): Promise<ApiResponse> {
    const { kind, wanted } = asked;
    const { views } = this.#deps;
    const metadata = {
      resourceVersion: String(listed.revision),
      ...(listed.continue ? { continue: listed.continue } : {}),
      ...(listed.remaining ? { remainingItemCount: listed.remaining } : {}),
    };
    if (wanted.as) return this.#shapedList(listed, metadata, asked);
    // Lists of custom objects say that there is no more, all others say nothing about it.
    const whole = kind.custom ? { continue: '', ...metadata } : metadata;
    const head = { kind: kind.custom?.listKind ?? `${kind.kind}List`, apiVersion: kind.apiVersion, metadata: whole };
    switch (wanted.mediaType) {
      case objectType: {
        const items = listed.entries.map((entry) => views.object(kind, entry));
        return { status: 200, body: { object: { ...head, items } as unknown as Json } };
      }
      case protobufType: {
        if (!hasProtobuf(kind)) throw noProtobuf();
        const list = new ProtobufList();
        await this.#each(listed, (entry) => list.add(views.itemProtobuf(kind, entry)));
        return { status: 200, mediaType: protobufType, chunks: list.finish(head) };
      }
      case yamlType: {
        const items = await this.#each(listed, (entry) => itemOf(kind, views.passing(kind, entry)));
        return this.#encoded(200, { ...head, items }, yamlType);
      }
      default:
        return this.#inPieces(head, 'items', { listed, text: (entry) => views.itemText(kind, entry) });
    }
  }

  #inTableOrder(kind: Kind, listed: Listed): Listed {
    const { tableOrder } = kind.rules;
    if (!tableOrder) return listed;
    const { views } = this.#deps;
    const inOrder = (a: Entry, b: Entry) => tableOrder(views.object(kind, a), views.object(kind, b));
    return { ...listed, entries: listed.entries.toSorted(inOrder) };
  }

  #each<R>(listed: Listed, work: (entry: Entry) => R): Promise<readonly R[]> {
    return mapInSlices(this.#deps.clock, listed.entries, work);
  }

  /** An object whose last member is a list. What is short is whole; what is long is made while it is written. */
  #inPieces(
    head: JsonObject,
    name: string,
    { listed, text }: { readonly listed: Listed; readonly text: (entry: Entry) => string },
  ): ApiResponse {
    const texts = listTexts(`${JSON.stringify(head).slice(0, -1)},${JSON.stringify(name)}:[`, listed.entries, text);
    let begun = '';
    while (begun.length < wholeTextMax) {
      const next = texts.next();
      if (next.done) return { status: 200, mediaType: jsonType, chunks: [encodeText(begun)] };
      begun += next.value;
    }
    return { status: 200, mediaType: jsonType, pieces: new TextPieces(this.#deps.clock, texts, begun) };
  }

  async #shapedList(found: Listed, metadata: Json, asked: Asked): Promise<ApiResponse> {
    const { kind, wanted } = asked;
    const { views } = this.#deps;
    if (wanted.as === 'PartialObjectMetadata') {
      throw wrongShape(wanted.as, `is a list (*${goPackageOf(kind.group)}.${kind.kind}List)`);
    }
    const table = wanted.as === 'Table';
    const listed = table ? this.#inTableOrder(kind, found) : found;
    const head = table
      ? this.#table(kind, [], metadata, asked)
      : { kind: 'PartialObjectMetadataList', apiVersion: `meta.k8s.io/${wanted.version}`, metadata };
    const name = table ? 'rows' : 'items';
    if (listed.entries.length === 0) {
      // A table says by itself how it is without rows.
      return this.#encoded(200, table ? head : { ...(head as JsonObject), items: null }, wanted.mediaType);
    }
    const part = (entry: Entry): Json => {
      const object = views.passing(kind, entry);
      if (!table) return partialMetadata(kind, object, wanted.version);
      return (this.#table(kind, [object], metadata, asked) as { readonly rows: readonly Json[] }).rows[0] as Json;
    };
    if (wanted.mediaType !== jsonType) {
      const parts = await this.#each(listed, part);
      return this.#encoded(200, { ...(head as JsonObject), [name]: parts }, wanted.mediaType);
    }
    const { rows: _none, ...rest } = head as JsonObject;
    return this.#inPieces(rest, name, { listed, text: (entry) => JSON.stringify(part(entry)) });
  }
}

/** Items of built-in kinds do not say what they are: their list does. */
function itemOf(kind: Kind, object: KubeObject): Json {
  const { kind: _kind, apiVersion: _version, ...item } = object as unknown as JsonObject;
  return hasProtobuf(kind) ? item : (object as unknown as Json);
}

function* listTexts(head: string, entries: readonly Entry[], text: (entry: Entry) => string): Generator<string, void> {
  yield head;
  let comma = '';
  for (const entry of entries) {
    yield comma + text(entry);
    comma = ',';
  }
  yield ']}\n';
}

const wrongShape = (shape: string, what: string) =>
  new ApiError('NotAcceptable', `you requested ${shape}, but the requested object ${what}`, {});
