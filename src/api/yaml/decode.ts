import type { Json } from '../../base/json.ts';
import { finish, type Steps, Stride } from '../../base/steps.ts';
import { NamesSeen } from '../names-seen.ts';
import { BlockScalar } from './block-scalar.ts';
import { Cursor, isBreak, isEnd, isFlowMark, type Properties } from './cursor.ts';
import { MapBuilder } from './map-builder.ts';
import { resolvePlain, resolveTagged, YamlError } from './scalars.ts';

export interface DecodedYaml {
  readonly value: Json;
  /** What a strict reader complains about: keys that stand twice in one map. */
  readonly duplicates: readonly string[];
}

/** Deeper texts are refused, so that whatever walks the value later cannot run out of stack. */
const depthMax = 1000;
/** As many duplicates are told, no more. */
const duplicatesMax = 100;
/** To read a node is as much work as to look at so many members of a value. */
const membersPerNode = 4;
/** What aliases may blow a text up to. */
const nodesMax = 400_000;
/** In `{a,b}`. */
const lettersPerName = 2;

/** The first document of a YAML 1.1 text as JSON, the way sigs.k8s.io/yaml makes one of it. Linear in its length. */
export const decodeYaml = (text: string): DecodedYaml => finish(decodeYamlInSteps(text));

/** The same for whoever gives way meanwhile. */
export function* decodeYamlInSteps(text: string): Steps<DecodedYaml> {
  return yield* new YamlReader(text).document();
}

/** Where a node stands. */
interface Place {
  /** The indentation of what it is inside: a node that is not deeper is not in there. */
  readonly indent: number;
  /** Whether a list may be as deep as the map it is a value in. */
  readonly inMap: boolean;
  /** Whether a map may start on this line: not behind a key on the same line. */
  readonly mapAllowed: boolean;
}
interface Anchored {
  readonly value: Json;
  readonly nodes: number;
}

/** What is still to be read where a list or a map begins: by its reader, so that what is deep takes little stack. */
class Inside {
  readonly steps: Steps<Json>;
  constructor(steps: Steps<Json>) {
    this.steps = steps;
  }
}

class YamlReader extends Cursor {
  #depth = 0;
  readonly #stride = new Stride();
  readonly #seen = NamesSeen.in(this.text.length, lettersPerName);
  /** How many nodes the value has, aliases counted as what they stand for. */
  #nodes = 0;
  readonly #anchors = new Map<string, Anchored>();
  readonly #duplicates: string[] = [];

  *document(): Steps<DecodedYaml> {
    try {
      this.#directives();
      const value = yield* this.#node({ indent: -1, inMap: false, mapAllowed: true });
      this.skip();
      if (!Number.isNaN(this.code()) && !this.atMarker()) throw new YamlError('did not find expected <document start>');
      return { value, duplicates: this.#duplicates };
    } catch (error) {
      if (error instanceof YamlError) throw new YamlError(`yaml: line ${this.line}: ${error.message}`);
      throw error;
    }
  }

  #directives(): void {
    this.skip();
    while (this.code() === 37 && this.column() === 0) {
      this.toLineEnd();
      this.skip();
    }
    if (this.text.startsWith('---', this.at) && this.column() === 0 && isEnd(this.code(3))) this.at += 3;
  }

  #enter(): void {
    this.#depth += 1;
    if (this.#depth > depthMax) throw new YamlError(`exceeded max depth of ${depthMax}`);
  }

  *#node(place: Place): Steps<Json> {
    if (this.#stride.isLong(membersPerNode)) yield this.#stride.taken();
    this.#nodes += 1;
    const line = this.line;
    const before = this.#nodes;
    this.skip();
    const sameLine = this.line === line;
    if (this.#outside(place)) return null;
    const start = this.at;
    const column = this.column();
    const properties = this.properties();
    const anywhere = this.line !== line || !sameLine || place.mapAllowed;
    if (properties) {
      // A map's first key may carry them itself: `&a key: value`.
      if (anywhere && this.line === line && this.keyAhead()) {
        this.at = start;
        return yield* this.#map(column);
      }
      const found = this.#propertied(place, properties, column);
      const value = found instanceof Inside ? yield* found.steps : found;
      if (properties.anchor !== undefined) {
        this.#anchors.set(properties.anchor, { value, nodes: this.#nodes - before + 1 });
      }
      return value;
    }
    const found = this.#content({ ...place, mapAllowed: anywhere });
    return found instanceof Inside ? yield* found.steps : found;
  }

  #outside(place: Place): boolean {
    if (Number.isNaN(this.code()) || this.atMarker()) return true;
    const column = this.column();
    if (column > place.indent) return false;
    return !(place.inMap && column === place.indent && this.atDash());
  }

  #propertied(place: Place, properties: Properties, column: number): Json | Inside {
    const line = this.line;
    this.skip();
    if (this.#outside(this.line === line ? { ...place, indent: Math.min(place.indent, column) } : place)) {
      return properties.tag === '!!str' ? '' : null;
    }
    const { tag } = properties;
    const scalar = tag === undefined ? undefined : this.#taggedScalar(place, tag);
    if (scalar !== undefined) return scalar;
    return this.#content({ ...place, mapAllowed: this.line !== line });
  }

  #taggedScalar(place: Place, tag: string): Json | undefined {
    const code = this.code();
    if (code === 91 || code === 123 || code === 42 || this.atDash() || this.keyAhead()) return undefined;
    const plain = code !== 34 && code !== 39 && code !== 124 && code !== 62;
    return resolveTagged(this.#scalarText(place), tag, plain);
  }

  #content(place: Place): Json | Inside {
    const code = this.code();
    if (this.atDash()) {
      if (!place.mapAllowed) throw new YamlError('block sequence entries are not allowed in this context');
      return new Inside(this.#list(this.column()));
    }
    const explicit = code === 63 && isEnd(this.code(1));
    // Where no map may start, whatever reads the scalar stumbles over the colon.
    if (explicit || (place.mapAllowed && this.keyAhead())) {
      if (!place.mapAllowed) throw new YamlError('mapping values are not allowed in this context');
      return new Inside(this.#map(this.column()));
    }
    if (code === 42) return this.#alias();
    if (code === 91 || code === 123) return new Inside(this.#flowAlone());
    const quoted = code === 34 || code === 39 || code === 124 || code === 62;
    const text = this.#scalarText(place);
    return quoted ? text : resolvePlain(text);
  }

  /** A scalar's text in block context, whatever its style. */
  #scalarText(place: Place): string {
    const code = this.code();
    if (code === 34 || code === 39) return this.#closed(() => this.quoted());
    if (code === 124 || code === 62) return this.#blockScalar(place.indent);
    return this.plain(place.indent);
  }

  /** After a value that ends by itself nothing else may stand on its line. */
  #closed<T>(read: () => T): T {
    const value = read();
    this.blanks();
    if (!isBreak(this.code()) && !Number.isNaN(this.code()) && this.code() !== 35) {
      throw new YamlError(
        this.code() === 58 ? 'mapping values are not allowed in this context' : 'did not find expected key',
      );
    }
    return value;
  }

  *#flowAlone(): Steps<Json> {
    const value = yield* this.#flow();
    return this.#closed(() => value);
  }

  #blockScalar(indent: number): string {
    const scalar = new BlockScalar(this.text, this.at, Math.max(indent, -1));
    this.at = scalar.end;
    this.line += scalar.lines;
    this.lineStart = scalar.lineStart;
    return scalar.value;
  }

  #alias(): Json {
    const start = ++this.at;
    while (!isEnd(this.code()) && !isFlowMark(this.code())) this.at += 1;
    const name = this.text.slice(start, this.at);
    const anchored = this.#anchors.get(name);
    if (!anchored) throw new YamlError(`unknown anchor '${name}' referenced`);
    this.#nodes += anchored.nodes;
    if (this.#nodes > nodesMax) throw new YamlError('document contains excessive aliasing');
    return anchored.value;
  }

  *#list(column: number): Steps<Json> {
    this.#enter();
    const out: Json[] = [];
    while (this.atDash() && this.column() === column) {
      this.at += 1;
      out.push(yield* this.#node({ indent: column, inMap: false, mapAllowed: true }));
      this.skip();
      if (this.column() > column && !Number.isNaN(this.code())) {
        throw new YamlError("did not find expected '-' indicator");
      }
    }
    this.#depth -= 1;
    return out;
  }

  *#map(column: number): Steps<Json> {
    this.#enter();
    const map = new MapBuilder(this.#seen);
    for (;;) {
      const line = this.line;
      if (this.code() === 63 && isEnd(this.code(1))) yield* this.#explicitPair(map, column);
      else {
        const key = this.#key();
        this.blanks();
        // The colon.
        this.at += 1;
        this.#put(map, key, line, yield* this.#node({ indent: column, inMap: true, mapAllowed: false }));
      }
      this.skip();
      if (Number.isNaN(this.code()) || this.atMarker() || this.column() < column) break;
      if (this.column() > column) throw new YamlError('did not find expected key');
      if (this.code() === 63 && isEnd(this.code(1))) continue;
      if (!this.keyAhead()) {
        // A list as deep as its map ends where the map's next key is; anything else is a key without its colon.
        throw new YamlError(this.atDash() ? 'did not find expected key' : "could not find expected ':'");
      }
    }
    this.#depth -= 1;
    return map.value;
  }

  *#explicitPair(map: MapBuilder, column: number): Steps<void> {
    const line = this.line;
    this.at += 1;
    const key = yield* this.#node({ indent: column, inMap: true, mapAllowed: true });
    this.skip();
    let value: Json = null;
    if (this.code() === 58 && this.column() === column && isEnd(this.code(1))) {
      this.at += 1;
      value = yield* this.#node({ indent: column, inMap: true, mapAllowed: true });
    }
    this.#put(map, { value: key, plain: typeof key === 'string' }, line, value);
  }

  #key(): { readonly value: Json; readonly plain: boolean } {
    const properties = this.properties();
    const code = this.code();
    if (code === 42) return { value: this.#alias(), plain: false };
    const plain = code !== 34 && code !== 39;
    const text = plain ? this.plainKey() : this.quoted();
    const tag = properties?.tag;
    const value = tag ? resolveTagged(text, tag, plain) : plain ? resolvePlain(text) : text;
    if (properties?.anchor !== undefined) this.#anchors.set(properties.anchor, { value, nodes: 1 });
    return { value, plain };
  }

  #put(map: MapBuilder, key: { readonly value: Json; readonly plain: boolean }, line: number, value: Json): void {
    if (key.plain && key.value === '<<') {
      this.#nodes += map.merge(value);
      if (this.#nodes > nodesMax) throw new YamlError('document contains excessive aliasing');
    } else if (!map.put(key.value, value) && this.#duplicates.length < duplicatesMax) {
      this.#duplicates.push(`  line ${line}: key ${JSON.stringify(String(key.value))} already set in map`);
    }
  }

  /** A list in brackets, a map in braces, or one entry of them. */
  *#flow(): Steps<Json> {
    if (this.#stride.isLong(membersPerNode)) yield this.#stride.taken();
    this.#nodes += 1;
    const before = this.#nodes;
    const properties = this.properties();
    if (properties) this.skip();
    const code = this.code();
    let value: Json;
    if (code === 91) value = yield* this.#flowList();
    else if (code === 123) value = yield* this.#flowMap();
    else if (code === 42) value = this.#alias();
    else {
      const plain = code !== 34 && code !== 39;
      const ends = isFlowMark(code) || (code === 58 && (isEnd(this.code(1)) || isFlowMark(this.code(1))));
      const text = plain ? (ends ? '' : this.plain(-1)) : this.quoted();
      value = properties?.tag ? resolveTagged(text, properties.tag, plain) : plain ? resolvePlain(text) : text;
    }
    if (properties?.anchor !== undefined)
      this.#anchors.set(properties.anchor, { value, nodes: this.#nodes - before + 1 });
    return value;
  }

  *#flowList(): Steps<Json> {
    this.#open();
    const out: Json[] = [];
    while (this.code() !== 93) {
      const explicit = this.code() === 63 && isEnd(this.code(1));
      const pair = explicit ? yield* this.#flowPair(new MapBuilder(this.#seen)) : undefined;
      if (pair) out.push(pair.value);
      else {
        const line = this.line;
        const plain = this.code() !== 34 && this.code() !== 39;
        const value = yield* this.#flow();
        this.skip();
        if (this.code() === 58) {
          const map = new MapBuilder(this.#seen);
          this.at += 1;
          this.skip();
          this.#put(map, { value, plain }, line, yield* this.#flow());
          out.push(map.value);
        } else out.push(value);
      }
      this.#separator(93);
    }
    return this.#shut(out);
  }

  *#flowMap(): Steps<Json> {
    this.#open();
    const map = new MapBuilder(this.#seen);
    while (this.code() !== 125) {
      yield* this.#flowPair(map);
      this.#separator(125);
    }
    return this.#shut(map.value);
  }

  *#flowPair(map: MapBuilder): Steps<MapBuilder> {
    if (this.code() === 63 && isEnd(this.code(1))) {
      this.at += 1;
      this.skip();
    }
    const line = this.line;
    const plain = this.code() !== 34 && this.code() !== 39;
    const key = yield* this.#flow();
    this.skip();
    let value: Json = null;
    if (this.code() === 58) {
      this.at += 1;
      this.skip();
      value = yield* this.#flow();
    }
    this.#put(map, { value: key, plain }, line, value);
    return map;
  }

  #open(): void {
    this.#enter();
    this.inFlow += 1;
    this.at += 1;
    this.skip();
  }

  #shut(value: Json): Json {
    this.at += 1;
    this.inFlow -= 1;
    this.#depth -= 1;
    return value;
  }

  #separator(close: number): void {
    this.skip();
    if (this.code() === 44) {
      this.at += 1;
      this.skip();
      if (this.code() === 44) throw new YamlError('did not find expected node content');
    } else if (this.code() !== close) {
      throw new YamlError(`did not find expected ',' or '${String.fromCharCode(close)}'`);
    }
  }
}
