import type { Kind } from '../api/kind.ts';
import type { KubeObject } from '../api/object.ts';
import { encodeProtobuf, encodeWatchFrame, messageOf, protobufItem } from '../api/protobuf-encode.ts';
import { schemaOf } from '../api/schema/schema.ts';
import { protobufType } from '../api/wire.ts';
import { beside } from '../base/beside.ts';
import { encodeText, type Json, type JsonObject } from '../base/json.ts';
import { hasCommon, nestedText } from '../base/shared-json.ts';
import { partsOf, textParts } from '../store/entry-text.ts';
import type { Entry } from '../store/store.ts';

interface View {
  readonly kind: Kind;
  /** Of another version of the kind: seldom asked for. */
  next?: View;
  object?: KubeObject;
  json?: Uint8Array | undefined;
  protobuf?: Uint8Array | undefined;
  frames?: Map<string, Uint8Array> | undefined;
}

/** The views of an entry: the first, which names the next. */
const views = beside<Entry, View>();
/** What is about to be stored as this value. */
const expected = beside<object, { readonly kind: Kind; readonly object: KubeObject }>();

/** So many bytes are kept beside the objects, for those who ask for the same soon again. */
const keptBytesMax = 16 * 1024 * 1024;

/** Whether objects of the kind have a protobuf form: custom ones have none. */
export const hasProtobuf = (kind: Kind): boolean => schemaOf(kind) !== undefined;

/**
 * A stored entry as one version of its kind shows it, resourceVersion filled in. Whoever keeps objects is given the
 * same one for the same entry. Bytes are shared by all who ask at about the same time (gets, and all watchers of a
 * change), and let go after a while: long lists are written from the objects, and would keep everything twice.
 */
export class Views {
  /** Views that hold bytes: of late, and before that. The older half goes when the younger one is full. */
  #young: View[] = [];
  #old: View[] = [];
  #youngBytes = 0;

  object<T extends KubeObject = KubeObject>(kind: Kind, entry: Entry): T {
    const view = this.#view(kind, entry);
    view.object ??= this.#shown(kind, entry);
    return view.object as T;
  }

  /** What is about to be stored as this value: of what is long, it need not be made again. */
  expect(kind: Kind, value: Json, object: KubeObject): void {
    expected.set(value as object, { kind, object });
  }

  /** The same for whoever looks at it once and keeps nothing. */
  passing(kind: Kind, entry: Entry): KubeObject {
    return this.#known(kind, entry)?.object ?? this.#shown(kind, entry);
  }

  /** The same for whoever only chooses by it: its revision need not be in it. */
  chosen(kind: Kind, entry: Entry): KubeObject {
    return kind.rules.storedAs ? this.passing(kind, entry) : (entry.value as unknown as KubeObject);
  }

  /** With the end of line that upstream's encoder writes behind each object. */
  json(kind: Kind, entry: Entry): Uint8Array {
    const view = this.#view(kind, entry);
    view.json ??= this.#kept(view, encodeText(`${this.text(kind, entry)}\n`));
    return view.json;
  }

  /** The same text, for the one who wrote it: it is seldom asked for again. */
  text(kind: Kind, entry: Entry): string {
    return textOf(entry, headOf(kind), this.#source(kind, entry));
  }

  /** As it stands in a list: the head of one of a built-in kind names version and kind once for all. */
  itemText(kind: Kind, entry: Entry): string {
    return textOf(entry, hasProtobuf(kind) ? '' : headOf(kind), this.#source(kind, entry));
  }

  protobuf(kind: Kind, entry: Entry): Uint8Array {
    const view = this.#view(kind, entry);
    view.protobuf ??= this.#kept(
      view,
      encodeProtobuf((view.object ?? this.#shown(kind, entry)) as unknown as JsonObject),
    );
    return view.protobuf;
  }

  /** The message inside the envelope: a list holds its items without theirs. To be copied at once. */
  itemProtobuf(kind: Kind, entry: Entry): Uint8Array {
    const known = this.#known(kind, entry)?.protobuf;
    return known ? messageOf(known) : protobufItem(this.passing(kind, entry) as unknown as JsonObject);
  }

  /** One event of a watch: every watcher of the same change writes the same bytes. */
  frame(kind: Kind, entry: Entry, how: { readonly type: string; readonly mediaType: string }): Uint8Array {
    const view = this.#view(kind, entry);
    view.frames ??= new Map();
    const binary = how.mediaType.startsWith(protobufType);
    const name = binary ? `${how.type} protobuf` : how.type;
    let frame = view.frames.get(name);
    if (!frame) {
      frame = binary
        ? encodeWatchFrame(how.type, this.protobuf(kind, entry))
        : encodeText(`{"type":"${how.type}","object":${this.text(kind, entry)}}\n`);
      view.frames.set(name, this.#kept(view, frame));
    }
    return frame;
  }

  #known(kind: Kind, entry: Entry): View | undefined {
    for (let view = views.get(entry); view; view = view.next) if (view.kind === kind) return view;
    return undefined;
  }

  #view(kind: Kind, entry: Entry): View {
    const known = this.#known(kind, entry);
    if (known) return known;
    const view: View = { kind };
    const first = views.get(entry);
    if (first) {
      if (first.next) view.next = first.next;
      first.next = view;
    } else {
      views.set(entry, view);
    }
    return view;
  }

  /** What is stored, where it is shown as it is: but for the revision. */
  #source(kind: Kind, entry: Entry): JsonObject {
    return (kind.rules.storedAs ? this.passing(kind, entry) : entry.value) as unknown as JsonObject;
  }

  #shown(kind: Kind, entry: Entry): KubeObject {
    const made = expected.get(entry.value as object);
    const stored = entry.value as JsonObject;
    const { resourceVersion: _before, ...given } = (
      made?.kind === kind ? made.object.metadata : stored.metadata
    ) as JsonObject;
    const metadata = { ...given, resourceVersion: String(entry.modified) };
    if (made?.kind === kind) return withHeadFirst(kind, { ...made.object, metadata } as unknown as KubeObject);
    const object = { ...stored, metadata } as unknown as KubeObject;
    const own = kind.rules.storedAs ? kind.rules.storedAs.from(object, entry.value) : object;
    return withHeadFirst(kind, own);
  }

  #kept(view: View, bytes: Uint8Array): Uint8Array {
    this.#youngBytes += bytes.length;
    if (this.#youngBytes > keptBytesMax / 2) {
      for (const old of this.#old) old.json = old.protobuf = old.frames = undefined;
      this.#old = this.#young;
      this.#young = [];
      this.#youngBytes = bytes.length;
    }
    this.#young.push(view);
    return bytes;
  }
}

function withHeadFirst(kind: Kind, object: KubeObject): KubeObject {
  const { kind: _kind, apiVersion: _version, metadata, ...rest } = object;
  return { kind: kind.kind, apiVersion: kind.apiVersion, metadata, ...rest };
}

const headOf = (kind: Kind): string =>
  `"kind":${JSON.stringify(kind.kind)},"apiVersion":${JSON.stringify(kind.apiVersion)},`;

/** The JSON of what is shown. Where it is stored as it is shown, no object is put together for it. */
function textOf(entry: Entry, head: string, object: JsonObject): string {
  const isStored = object === entry.value;
  const { metadata, rest } = isStored ? textParts(entry) : partsOf(object);
  if (!isStored) return `{${head}"metadata":${metadata}${rest}}`;
  const comma = metadata === '{}' ? '' : ',';
  return `{${head}"metadata":${metadata.slice(0, -1)}${comma}"resourceVersion":"${entry.modified}"}${rest}}`;
}

/** The JSON of an object whose metadata may just have been put together, of parts that others have too. */
export function objectText(object: Partial<KubeObject>): string {
  const value = object as unknown as JsonObject;
  const isPlain = !hasCommon(value) && !hasCommon((value.metadata ?? {}) as JsonObject);
  return isPlain ? JSON.stringify(value) : nestedText(value);
}
