import type { KubeObject } from '../api/object.ts';
import { type ApiRequest, queryValue, type WatchEvent } from '../api/wire.ts';
import { equalJson, isObject, type Json } from '../base/json.ts';
import type { Change, Entry, Revision } from '../store/store.ts';
import { type Checker, folderOf, Violation } from './checker.ts';

/** Revisions rise by one and never repeat; each write stands on the value before it: compare-and-set has one winner. */
export class RevisionChecker implements Checker {
  readonly name = 'revisions';
  /** The world as the changes make it: what a list must answer. */
  readonly replay = new Map<string, Entry>();
  #last: Revision | undefined;

  commit({ type, entry, previous }: Change): void {
    const last = this.#last ?? entry.modified - 1;
    if (entry.modified !== last + 1) throw new Violation(this.name, `revision ${entry.modified} follows ${last}`);
    this.#last = entry.modified;
    const known = this.replay.get(entry.key);
    if (known?.modified !== previous?.modified) {
      throw new Violation(this.name, `${entry.key} was written over ${previous?.modified}, not ${known?.modified}`);
    }
    if (type === 'put') this.replay.set(entry.key, entry);
    else this.replay.delete(entry.key);
  }

  /** Against what a list answered at the newest revision. */
  compare(entries: readonly Entry[]): void {
    if (entries.length !== this.replay.size) {
      throw new Violation(
        this.name,
        `a list has ${entries.length} objects, the replay of the watch ${this.replay.size}`,
      );
    }
    for (const entry of entries) {
      const replayed = this.replay.get(entry.key);
      if (replayed?.modified !== entry.modified || !equalJson(replayed.value, entry.value)) {
        throw new Violation(
          this.name,
          `${entry.key} is listed at ${entry.modified}, replayed at ${replayed?.modified}`,
        );
      }
    }
  }
}

interface Tapped {
  readonly path: string;
  readonly folder: string;
  /** How many of the folder's revisions were before this watch, or were seen by it and compared. */
  compared: number;
  last: Revision;
  readonly fresh: Revision[];
}

/** A watch is ordered, without repetition and without gaps. */
export class WatchChecker implements Checker {
  readonly name = 'watches';
  readonly #written = new Map<string, Revision[]>();
  #watches: Tapped[] = [];

  commit({ entry }: Change): void {
    const folder = folderOf(entry.key);
    const written = this.#written.get(folder);
    if (written) written.push(entry.modified);
    else this.#written.set(folder, [entry.modified]);
  }

  tap(request: ApiRequest): ((event: WatchEvent) => void) | undefined {
    const parts = request.path.split('/');
    const wholeKind = parts.length === (parts[1] === 'api' ? 4 : 5);
    const since = Number(queryValue(request.query, 'resourceVersion') ?? 0);
    if (since === 0) return undefined;
    const group = parts[1] === 'api' ? 'core' : (parts[2] ?? '');
    const folder = `/${group}/${parts[parts.length - 1]}/`;
    const compared = (this.#written.get(folder) ?? []).findLastIndex((revision) => revision <= since) + 1;
    const tapped: Tapped = { path: request.path, folder, compared, last: since, fresh: [] };
    const selected = request.query.some(([name]) => name.endsWith('Selector'));
    if (wholeKind && !selected) this.#watches.push(tapped);
    return (event) => this.#event(tapped, event);
  }

  #event(watch: Tapped, event: WatchEvent): void {
    if (event.type === 'ERROR') return;
    const revision = Number(event.object.metadata.resourceVersion);
    const isOrdered = event.type === 'BOOKMARK' ? revision >= watch.last : revision > watch.last;
    if (!isOrdered) throw new Violation(this.name, `${watch.path}: ${event.type} ${revision} came after ${watch.last}`);
    watch.last = revision;
    if (event.type !== 'BOOKMARK') watch.fresh.push(revision);
  }

  /** Only now: a watch may see a change before the checkers do. */
  verify(): void {
    for (const watch of this.#watches) {
      const written = this.#written.get(watch.folder) ?? [];
      for (const revision of watch.fresh.splice(0)) {
        const expected = written[watch.compared++];
        if (revision !== expected) throw new Violation(this.name, `${watch.path}: ${revision} came, not ${expected}`);
      }
    }
    if (this.#watches.length > watchesMax) this.#watches = this.#watches.slice(-watchesMax);
  }
}
/** Older watches have long ended. */
const watchesMax = 2_000;

/** Writing what is there already makes neither a revision nor a generation; a generation says that a spec changed. */
export class GenerationChecker implements Checker {
  readonly name = 'generations';

  commit({ type, entry, previous }: Change): void {
    if (type !== 'put' || !previous) return;
    const now = entry.value as unknown as KubeObject;
    const before = previous.value as unknown as KubeObject;
    if (equalJson(entry.value, previous.value)) throw new Violation(this.name, `${entry.key} was written unchanged`);
    const from = before.metadata.generation ?? 0;
    const to = now.metadata.generation ?? 0;
    const replaced = now.metadata.uid !== before.metadata.uid;
    if (to === from || replaced) return;
    if (to < from) throw new Violation(this.name, `${entry.key} went from generation ${from} back to ${to}`);
    const deleted = now.metadata.deletionTimestamp !== before.metadata.deletionTimestamp;
    if (!deleted && equalJson(wishOf(entry.value), wishOf(previous.value))) {
      throw new Violation(this.name, `${entry.key} has generation ${to} for the same spec`);
    }
  }
}

/** All that is not metadata and not status. */
function wishOf(value: Json): Json {
  if (!isObject(value)) return value;
  const { metadata: _metadata, status: _status, ...wish } = value;
  return wish as Json;
}
