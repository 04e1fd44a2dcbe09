import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import { isListed, namesIn, type Steps, Stride } from '../../base/steps.ts';
import { define } from './merge.ts';
import { itemTag, type ListShape, partsOf, type Shape } from './shape.ts';

/** The live value with what the configuration says: values replace values, structs, maps and keyed lists merge. */
export function* mergeTyped(
  shape: Shape,
  live: Json | undefined,
  config: Json | undefined,
  stride: Stride = new Stride(),
): Steps<Json | undefined> {
  if (config === undefined) return live;
  if (live === undefined) return config;
  if (shape.is === 'list') return yield* mergeLists(shape, live, config, stride);
  const parts = partsOf(shape);
  if (!parts || !isMapLike(live) || !isMapLike(config)) return config;
  // Nothing on both sides: the configuration says whether that is {} or null.
  if (isBare(live) && isBare(config)) return config;
  const out: Record<string, Json> = {};
  for (const name of namesIn(live ?? {})) {
    if (stride.isLong(1)) yield stride.taken();
    define(out, name, live?.[name] as Json);
  }
  for (const name of namesIn(config ?? {})) {
    if (stride.isLong(1)) yield stride.taken();
    const inner = (config as JsonObject)[name];
    if (inner === undefined) continue;
    const member = parts(name);
    define(out, name, member ? ((yield* mergeTyped(member.shape, live?.[name], inner, stride)) as Json) : inner);
  }
  return out;
}

const isMapLike = (value: Json): value is JsonObject | null => value === null || isObject(value);
function isBare(value: JsonObject | null): boolean {
  if (value !== null && isListed(value)) return false;
  for (const _ in value) return false;
  return true;
}

function* mergeLists(shape: ListShape, live: Json, config: Json, stride: Stride): Steps<Json> {
  if (shape.how === 'atomic') return config;
  const left = Array.isArray(live) ? (live as readonly Json[]) : [];
  const right = Array.isArray(config) ? (config as readonly Json[]) : [];
  if (left.length === 0 && right.length === 0) return config;
  const ours = yield* tagged(shape, left, stride);
  const theirs = yield* tagged(shape, right, stride);
  const liveItems = yield* uniqueItems(ours, stride);
  const configItems = yield* uniqueItems(theirs, stride);
  const shared: string[] = [];
  for (const { tag } of theirs) {
    if (stride.isLong(1)) yield stride.taken();
    if (liveItems.has(tag)) shared.push(tag);
  }
  return yield* new ListMerge(shape, { live: ours, config: theirs, liveItems, configItems, shared }, stride).merged();
}

interface Tagged {
  readonly tag: string;
  readonly item: Json;
}

interface TwoLists {
  readonly live: readonly Tagged[];
  readonly config: readonly Tagged[];
  readonly liveItems: ReadonlyMap<string, Json | undefined>;
  readonly configItems: ReadonlyMap<string, Json | undefined>;
  /** Tags of items in both lists, in the configuration's order. */
  readonly shared: readonly string[];
}

/**
 * Items that both lists have stand in the configuration's order; items that only the live list has keep their place
 * behind what stood before them.
 */
class ListMerge {
  readonly #shape: ListShape;
  readonly #live: readonly Tagged[];
  readonly #config: readonly Tagged[];
  readonly #liveItems: ReadonlyMap<string, Json | undefined>;
  readonly #configItems: ReadonlyMap<string, Json | undefined>;
  readonly #done = new Set<string>();
  readonly #out: Json[] = [];
  /** Tags of items in both lists, in the configuration's order, and whose turn it is. */
  readonly #shared: readonly string[];
  #turn = 0;
  readonly #stride: Stride;

  constructor(shape: ListShape, { live, config, liveItems, configItems, shared }: TwoLists, stride: Stride) {
    this.#shape = shape;
    this.#live = live;
    this.#config = config;
    this.#stride = stride;
    this.#liveItems = liveItems;
    this.#configItems = configItems;
    this.#shared = shared;
  }

  *merged(): Steps<readonly Json[]> {
    let left = 0;
    let right = 0;
    while (left < this.#live.length || right < this.#config.length) {
      if (this.#stride.isLong(2)) yield this.#stride.taken();
      const ours = this.#live[left];
      const theirs = this.#config[right];
      if (ours && !this.#configItems.has(ours.tag)) {
        this.#out.push(ours.item);
        left++;
      } else if (
        ours &&
        theirs &&
        ours.tag !== theirs.tag &&
        this.#turn < this.#shared.length &&
        this.#shared[this.#turn] !== ours.tag
      ) {
        // An item of both lists whose turn has not come: it is taken where the configuration has it.
        left++;
      } else if (theirs) {
        if (ours && (ours.tag === theirs.tag || this.#done.has(ours.tag))) left++;
        yield* this.#take(theirs.tag);
        right++;
      } else left++;
    }
    return this.#out;
  }

  *#take(tag: string): Steps<void> {
    this.#done.add(tag);
    if (this.#shared[this.#turn] === tag) this.#turn++;
    const [live, config] = [this.#liveItems.get(tag), this.#configItems.get(tag)];
    const merged = yield* mergeTyped(this.#shape.items, live, config, this.#stride);
    if (merged !== undefined) this.#out.push(merged);
  }
}

function* tagged(shape: ListShape, list: readonly Json[], stride: Stride): Steps<readonly Tagged[]> {
  const out: Tagged[] = [];
  for (const item of list) {
    if (stride.isLong(2)) yield stride.taken();
    const tag = itemTag(shape, item);
    if (tag !== undefined) out.push({ tag, item });
  }
  return out;
}

/** By tag; undefined where several items share one: there is no telling which is meant. */
function* uniqueItems(list: readonly Tagged[], stride: Stride): Steps<ReadonlyMap<string, Json | undefined>> {
  const found = new Map<string, Json | undefined>();
  for (const { tag, item } of list) {
    if (stride.isLong(1)) yield stride.taken();
    found.set(tag, found.has(tag) ? undefined : item);
  }
  return found;
}
