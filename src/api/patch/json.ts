import { equalJsonInSteps, isObject, type Json } from '../../base/json.ts';
import { membersIn, namesIn, type Steps, Stride, stepMembersMax } from '../../base/steps.ts';
import { ApiError } from '../error.ts';
import { define } from './merge.ts';

interface Operation {
  readonly op?: string;
  readonly path?: string;
  readonly from?: string;
  readonly value?: Json;
}
type Members = Record<string, Json>;

const operationsMax = 10_000;
/** An operation is as much work as to look at so many members of a value. */
const membersPerOperation = 8;
/** What copy operations may make of one patch, together. */
const copiedBytesMax = 3 * 1024 * 1024;
const texts = ['op', 'path', 'from'] as const;

/** JSON patch (RFC 6902), as upstream reads it. The document is never changed in place. */
export function* jsonPatch(document: Json, patch: Json): Steps<Json> {
  return yield* new Patching(document).run(operationsOf(patch));
}

/** Members that an operation may not have: `[0].foo`. */
export function unknownInPatch(patch: Json): readonly string[] {
  if (!Array.isArray(patch)) return [];
  const known: readonly string[] = [...texts, 'value'];
  return patch.flatMap((operation, index) =>
    Object.keys(isObject(operation) ? operation : {})
      .filter((name) => !known.includes(name))
      .map((name) => `[${index}].${name}`),
  );
}

function operationsOf(patch: Json): readonly Operation[] {
  const undecodable = (what: string, into: string) =>
    new ApiError('BadRequest', `error decoding patch: json: cannot unmarshal ${what} into Go ${into}`);
  if (!Array.isArray(patch)) throw undecodable(wordFor(patch), 'value of type []handlers.jsonPatchOp');
  if (patch.length > operationsMax) {
    throw new ApiError(
      'RequestEntityTooLarge',
      `The allowed maximum operations in a JSON patch is ${operationsMax}, got ${patch.length}`,
    );
  }
  for (const operation of patch as readonly Json[]) {
    if (!isObject(operation)) throw undecodable(wordFor(operation), 'value of type handlers.jsonPatchOp');
    for (const name of texts) {
      const text = operation[name];
      if (text === undefined || text === null || typeof text === 'string') continue;
      throw undecodable(wordFor(text), `struct field jsonPatchOp.${name} of type string`);
    }
  }
  return patch as readonly Operation[];
}

function wordFor(value: Json): string {
  if (Array.isArray(value)) return 'array';
  if (value === null) return 'null';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** Upstream does not say which operation failed, nor why. */
const refused = () => new ApiError('Invalid', 'the server rejected our request due to an error in our request', {});

/** Copies what it changes, each container once, so that many operations on a large list stay cheap. */
class Patching {
  #document: Json;
  readonly #own = new Set<object>();
  #copiedBytes = 0;

  constructor(document: Json) {
    this.#document = document;
  }

  *run(operations: readonly Operation[]): Steps<Json> {
    const stride = new Stride();
    for (const operation of operations) {
      const members = membersPerOperation + membersIn(operation.value);
      if (stride.isLong(members)) yield stride.taken();
      if (operation.op === 'test') yield* this.#test(operation, stride);
      else if (operation.op === 'copy') yield* this.#copy(operation, stride);
      else this.#apply(operation);
    }
    return this.#document;
  }

  #apply({ op, path, from, value = null }: Operation): void {
    switch (op) {
      case 'add':
        return this.#add(pointer(path), value);
      case 'replace':
        return this.#replace(pointer(path), value);
      case 'remove':
        return this.#remove(pointer(path));
      case 'move': {
        const moved = this.#find(pointer(from));
        this.#remove(pointer(from));
        return this.#add(pointer(path), moved);
      }
      default:
        throw refused();
    }
  }

  *#test({ path, value = null }: Operation, stride: Stride): Steps<void> {
    if (!(yield* equalJsonInSteps(this.#look(pointer(path)) ?? null, value, stride))) throw refused();
  }

  /** The container of the last part, ready to be changed. */
  #container(path: readonly string[]): { readonly container: Members | Json[]; readonly key: string } {
    this.#document = this.#mutable(this.#document) as Json;
    let container = this.#document as Members | Json[];
    for (const key of path.slice(0, -1)) {
      const inner = this.#mutable(childOf(container as Json, key));
      if (Array.isArray(container)) container[indexOf(key, container.length - 1)] = inner as Json;
      else define(container, key, inner as Json);
      container = inner;
    }
    return { container, key: path.at(-1) as string };
  }

  #mutable(value: Json | undefined): Members | Json[] {
    if (typeof value !== 'object' || value === null) throw refused();
    if (this.#own.has(value)) return value as Members | Json[];
    const copy = Array.isArray(value) ? [...value] : { ...value };
    this.#own.add(copy);
    return copy as Members | Json[];
  }

  #add(path: readonly string[], value: Json): void {
    const { container, key } = this.#container(path);
    if (!Array.isArray(container)) define(container, key, value);
    else container.splice(key === '-' ? container.length : indexOf(key, container.length), 0, value);
  }

  /** Upstream makes a member that is not there, but no list item. */
  #replace(path: readonly string[], value: Json): void {
    const { container, key } = this.#container(path);
    if (Array.isArray(container)) container[indexOf(key, container.length - 1)] = value;
    else define(container, key, value);
  }

  #remove(path: readonly string[]): void {
    const { container, key } = this.#container(path);
    if (Array.isArray(container)) container.splice(indexOf(key, container.length - 1), 1);
    else if (!Object.hasOwn(container, key)) throw refused();
    else delete container[key];
  }

  /** It is a copy of its own, so that a later operation changes one of the two. */
  *#copy({ path, from }: Operation, stride: Stride): Steps<void> {
    const { value, letters } = yield* copyOf(this.#look(pointer(from)) ?? null, stride);
    this.#copiedBytes += letters;
    if (this.#copiedBytes > copiedBytesMax) throw refused();
    this.#add(pointer(path), value);
  }

  #look(path: readonly string[]): Json | undefined {
    let value: Json | undefined = this.#document;
    path.forEach((key, index) => {
      if (value === undefined) throw refused();
      value = index < path.length - 1 ? childOf(value, key) : lastOf(value, key);
    });
    return value;
  }

  #find(path: readonly string[]): Json {
    const value = this.#look(path);
    if (value === undefined) throw refused();
    return value;
  }
}

/** A value like this one, and how long the text of it is, about. */
function* copyOf(value: Json, stride: Stride): Steps<{ readonly value: Json; readonly letters: number }> {
  const members = membersIn(value);
  if (stride.isLong(members)) yield stride.taken();
  if (members < stepMembersMax || typeof value !== 'object' || value === null) {
    const text = JSON.stringify(value);
    return { value: JSON.parse(text) as Json, letters: text.length };
  }
  let letters = 2;
  if (Array.isArray(value)) {
    const list: Json[] = [];
    for (const item of value as readonly Json[]) {
      const inner = yield* copyOf(item, stride);
      letters += inner.letters + 1;
      list.push(inner.value);
    }
    return { value: list, letters };
  }
  const out: Members = {};
  for (const name of namesIn(value)) {
    const inner = yield* copyOf((value as Members)[name] as Json, stride);
    letters += name.length + inner.letters + lettersPerMember;
    define(out, name, inner.value);
  }
  return { value: out, letters };
}
/** Quotes, colon and comma. */
const lettersPerMember = 4;

/** The parts of a pointer. Whatever stands before its first slash does not count, as upstream has it. */
function pointer(text: string | undefined): readonly string[] {
  const parts = (text ?? '').split('/').slice(1);
  if (parts.length === 0) throw refused();
  return parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function childOf(value: Json, key: string): Json {
  const child = lastOf(value, key);
  if (child === undefined || child === null) throw refused();
  return child;
}

function lastOf(value: Json, key: string): Json | undefined {
  if (Array.isArray(value)) return value[indexOf(key, value.length - 1)] as Json;
  if (!isObject(value)) throw refused();
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

/** Negative ones count from the end. */
function indexOf(key: string, max: number): number {
  const index = /^[+-]?\d+$/.test(key) ? Number(key) : Number.NaN;
  const place = index < 0 ? index + max + 1 : index;
  if (!(place >= 0 && place <= max)) throw refused();
  return place;
}
