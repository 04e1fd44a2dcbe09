import type { Kind } from '../api/kind.ts';
import type { KubeObject } from '../api/object.ts';
import { encodeProtobuf, encodeWatchFrame, messageOf } from '../api/protobuf-encode.ts';
import { schemaOf } from '../api/schema/schema.ts';
import { protobufType } from '../api/wire.ts';
import { encodeText, type JsonObject } from '../base/json.ts';
import type { Entry } from '../store/store.ts';

interface View {
  readonly kind: Kind;
  readonly object: KubeObject;
  /** Of another version of the kind: seldom asked for. */
  next?: View;
  json?: Uint8Array;
  text?: string;
  protobuf?: Uint8Array;
  frames?: Map<string, Uint8Array>;
}

/** Whether objects of the kind have a protobuf form: custom ones have none. */
export const hasProtobuf = (kind: Kind): boolean => schemaOf(kind) !== undefined;

/**
 * A stored entry as one version of its kind shows it, resourceVersion filled in. Made and encoded at most once per
 * entry and form: reads, lists and all watchers share the same object and the same bytes.
 */
export class Views {
  readonly #views = new WeakMap<Entry, View>();
  readonly #heads = new Map<Kind, Uint8Array>();

  object<T extends KubeObject = KubeObject>(kind: Kind, entry: Entry): T {
    return this.#view(kind, entry).object as T;
  }

  text(kind: Kind, entry: Entry): string {
    const view = this.#view(kind, entry);
    view.text ??= JSON.stringify(view.object);
    return view.text;
  }

  json(kind: Kind, entry: Entry): Uint8Array {
    const view = this.#view(kind, entry);
    view.json ??= encodeText(view.text ?? JSON.stringify(view.object));
    return view.json;
  }

  /** As it stands in a list, whose head names version and kind once for all: without them, after the open brace. */
  itemJson(kind: Kind, entry: Entry): Uint8Array {
    let head = this.#heads.get(kind);
    if (!head) {
      head = encodeText(headText(kind));
      this.#heads.set(kind, head);
    }
    return this.json(kind, entry).subarray(head.length);
  }

  protobuf(kind: Kind, entry: Entry): Uint8Array {
    const view = this.#view(kind, entry);
    view.protobuf ??= encodeProtobuf(view.object as unknown as JsonObject);
    return view.protobuf;
  }

  /** The message inside the envelope: a list holds its items without theirs. */
  itemProtobuf(kind: Kind, entry: Entry): Uint8Array {
    return messageOf(this.protobuf(kind, entry));
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
      view.frames.set(name, frame);
    }
    return frame;
  }

  #view(kind: Kind, entry: Entry): View {
    const first = this.#views.get(entry);
    for (let view = first; view; view = view.next) if (view.kind === kind) return view;
    const view: View = { kind, object: shown(kind, entry) };
    if (first) {
      if (first.next) view.next = first.next;
      first.next = view;
    } else {
      this.#views.set(entry, view);
    }
    return view;
  }
}

/** Every view starts with these, so that a list can leave them out. */
const headText = ({ kind, apiVersion }: Kind): string =>
  `{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},`;

function shown(kind: Kind, entry: Entry): KubeObject {
  const stored = entry.value as JsonObject;
  const metadata = { ...(stored.metadata as JsonObject), resourceVersion: String(entry.modified) };
  const object = { ...stored, metadata } as unknown as KubeObject;
  const own = kind.rules.storedAs ? kind.rules.storedAs.from(object, entry.value) : object;
  const { kind: _kind, apiVersion: _version, metadata: ownMetadata, ...rest } = own;
  return { kind: kind.kind, apiVersion: kind.apiVersion, metadata: ownMetadata, ...rest };
}
