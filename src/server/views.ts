import type { Kind } from '../api/kind.ts';
import type { KubeObject } from '../api/object.ts';
import { encodeText, type JsonObject } from '../base/json.ts';
import type { Entry } from '../store/store.ts';

interface View {
  readonly object: KubeObject;
  json?: Uint8Array;
  text?: string;
  frames?: Map<string, Uint8Array>;
}

/**
 * A stored entry as one version of its kind shows it, resourceVersion filled in. Made and encoded at most once per
 * entry: reads, lists and all watchers share the same object and the same bytes.
 */
export class Views {
  readonly #views = new WeakMap<Entry, Map<Kind, View>>();

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

  /** One line of a JSON watch: every watcher of the same change writes the same bytes. */
  frame(kind: Kind, entry: Entry, type: string): Uint8Array {
    const view = this.#view(kind, entry);
    view.frames ??= new Map();
    let frame = view.frames.get(type);
    if (!frame) {
      frame = encodeText(`{"type":"${type}","object":${this.text(kind, entry)}}\n`);
      view.frames.set(type, frame);
    }
    return frame;
  }

  #view(kind: Kind, entry: Entry): View {
    let views = this.#views.get(entry);
    if (!views) {
      views = new Map();
      this.#views.set(entry, views);
    }
    let view = views.get(kind);
    if (!view) {
      view = { object: shown(kind, entry) };
      views.set(kind, view);
    }
    return view;
  }
}

function shown(kind: Kind, entry: Entry): KubeObject {
  const stored = entry.value as JsonObject;
  const metadata = { ...(stored.metadata as JsonObject), resourceVersion: String(entry.modified) };
  const object = { ...stored, metadata } as unknown as KubeObject;
  return kind.rules.storedAs ? kind.rules.storedAs.from(object) : object;
}
