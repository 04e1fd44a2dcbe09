import { openApiProtobuf } from '../../api/schema/openapi-protobuf.ts';
import { type SwaggerPart, swaggerPart } from '../../api/schema/openapi-remote.ts';
import { type ApiResponse, jsonType } from '../../api/wire.ts';
import { decodeText, isObject, type Json } from '../../base/json.ts';
import { aggregatedType } from '../discovery.ts';

/** Asks the server for a path: answers whatever its status, fails where nobody answers in time. */
type Ask = (path: string, headers: Readonly<Record<string, string>>) => Promise<Answer>;
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}
/** What became of a question: the same as before, nothing there, or something new. */
type Found = 'same' | 'none' | { readonly document: Json };

const largest = 64 * 1024 * 1024;
const discoveryTypes = [aggregatedType('v2'), aggregatedType('v2beta1'), jsonType].join(',');

/** What an API server publishes about the one group and version that it was added for. */
export class RemoteDocuments {
  readonly #group: string;
  readonly #version: string;
  /** As aggregated discovery tells them, where the server speaks that. */
  resources: readonly Json[] | undefined;
  /** Where its document of OpenAPI v3 is. */
  place: string | undefined;
  swagger: SwaggerPart | undefined;
  /** By path, what the server called the document that we have. */
  readonly #etags = new Map<string, string>();
  readonly #texts = new Map<string, string>();

  constructor(group: string, version: string) {
    this.#group = group;
    this.#version = version;
  }

  /**
   * Asks for everything anew, and answers whether any of it changed. A document that cannot be read is none, and one
   * that does not come this time is the one that came before.
   */
  async learn(ask: Ask, failed: (path: string, why: string) => void): Promise<boolean> {
    const learned = async (path: string, accept: string, take: (document: Json | undefined) => void) => {
      try {
        const found = await this.#asked(ask, path, accept);
        if (found === 'same') return false;
        take(found === 'none' ? undefined : found.document);
        return true;
      } catch (error) {
        failed(path, (error as Error).message);
        return false;
      }
    };
    const changed = await Promise.all([
      learned('/apis', discoveryTypes, (document) => this.#takeResources(document)),
      learned('/openapi/v3', jsonType, (document) => this.#takePlace(document)),
      learned('/openapi/v2', jsonType, (document) => this.#takeSwagger(document)),
    ]);
    return changed.includes(true);
  }

  async #asked(ask: Ask, path: string, accept: string): Promise<Found> {
    const etag = this.#etags.get(path);
    const { status, headers, text } = await ask(path, { accept, ...(etag ? { 'if-none-match': etag } : {}) });
    if (status === 304) return 'same';
    if (status >= 500) throw new Error(`bad status: ${status}`);
    if (status !== 200) {
      this.#etags.delete(path);
      return this.#texts.delete(path) ? 'none' : 'same';
    }
    const next = headers['etag'];
    if (next) this.#etags.set(path, next);
    // Who gives documents no names is asked for all of them each time; they are read again only where they changed.
    if (!next && this.#texts.get(path) === text) return 'same';
    this.#texts.set(path, next ? '' : text);
    return { document: JSON.parse(text) as Json };
  }

  #takeResources(document: Json | undefined): void {
    this.resources = undefined;
    if (!isObject(document) || document.kind !== 'APIGroupDiscoveryList') return;
    const group = objectsIn(document.items).find(({ metadata }) => isObject(metadata) && metadata.name === this.#group);
    const version = objectsIn(group?.versions).find((one) => one.version === this.#version);
    if (version) this.resources = objectsIn(version.resources);
  }

  #takePlace(document: Json | undefined): void {
    const root = `apis/${this.#group}/${this.#version}`;
    this.place = undefined;
    const paths = isObject(document) && isObject(document.paths) ? document.paths : {};
    const item = paths[root];
    if (!isObject(item)) return;
    const [, hash] = /[?&]hash=([^&#]+)/.exec(String(item.serverRelativeURL)) ?? [];
    this.place = `/openapi/v3/${root}${hash === undefined ? '' : `?hash=${hash}`}`;
  }

  #takeSwagger(document: Json | undefined): void {
    this.swagger = undefined;
    if (document === undefined) return;
    const part = swaggerPart(document, `/apis/${this.#group}/${this.#version}`);
    // What cannot be written would break the document of everybody.
    openApiProtobuf({ ...part });
    this.swagger = part;
  }
}

const objectsIn = (value: Json | undefined) => (Array.isArray(value) ? value.filter(isObject) : []);

/** The whole body of an answer. */
export async function textOf(answer: ApiResponse): Promise<string> {
  if ('body' in answer) {
    return 'object' in answer.body ? JSON.stringify(answer.body.object) : decodeText(answer.body.bytes);
  }
  const parts: Uint8Array[] = [];
  let length = 0;
  if ('chunks' in answer) parts.push(...answer.chunks);
  if ('stream' in answer) {
    for await (const part of answer.stream) {
      length += part.length;
      if (length > largest) throw new Error(`the answer is longer than ${largest} bytes`);
      parts.push(part);
    }
  }
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return decodeText(whole);
}
