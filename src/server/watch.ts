import { ApiError, statusOf } from '../api/error.ts';
import type { Kind } from '../api/kind.ts';
import type { KubeObject } from '../api/object.ts';
import { encodeProtobuf, encodeWatchFrame } from '../api/protobuf-encode.ts';
import {
  type ApiRequest,
  type ApiResponse,
  protobufType,
  queryValue,
  type WatchEvent,
  type Watching,
} from '../api/wire.ts';
import type { Labels, Millis } from '../base/env.ts';
import type { JsonObject } from '../base/json.ts';
import { StopSource } from '../base/stop.ts';
import { type Change, Compacted, type Entry, type Revision } from '../store/store.ts';
import { checkListOptions, flagged } from './list-options.ts';
import type { Wanted } from './negotiate.ts';
import { isBeforeAll, type ReadDeps, readOptions, revisionOf, type Selection, selectionOf } from './read.ts';
import type { ResourceRoute } from './route.ts';
import { seenAlike } from './seen-alike.ts';
import { filterInSlices, mapInSlices } from './slices.ts';
import { includeOf, partialMetadata, tableOf } from './table.ts';
import type { Views } from './views.ts';
import { listWhole } from './whole-list.ts';

const bookmarkIntervalMs: Millis = 2_000;
const watchMinMs: Millis = 30 * 60_000;
const initialEventsEnd = { 'k8s.io/initial-events-end': 'true' };

type Take = (batch: readonly WatchEvent[]) => 'more' | 'full';

/** Opens a watch: what is there already (where asked for), then every change, pushed in batches. */
export async function openWatch(
  deps: ReadDeps,
  route: ResourceRoute,
  request: ApiRequest,
  wanted: Wanted,
): Promise<ApiResponse> {
  const options = readOptions(request.query);
  checkListOptions(request.query, true);
  const selection = selectionOf(route, options);
  const since = queryValue(request.query, 'resourceVersion') ?? '';
  const asked = queryValue(request.query, 'sendInitialEvents') !== undefined;
  const sendInitial = flagged(request.query, 'sendInitialEvents');
  const fromStart = sendInitial || (!asked && (since === '' || since === '0'));
  if (since !== '') revisionOf(since);
  const initial = fromStart ? await listWhole(deps.clock, deps.store, selection.prefix) : undefined;
  const revision = initial?.revision ?? (since === '' || since === '0' ? deps.store.revision : revisionOf(since));
  const session = new Session(deps, { route, request, wanted, selection });
  return {
    status: 200,
    mediaType: wanted.mediaType === protobufType ? `${protobufType};stream=watch` : wanted.mediaType,
    // Whoever names no revision is told where the first state ends, as with a list that goes on as a watch.
    watch: session.open(
      revision,
      initial && (await session.first(initial.entries)),
      sendInitial || (!asked && since === ''),
    ),
  };
}

/** What happened to an entry: shown as an object to whoever wants one, as bytes to all others. */
class EntryEvent implements WatchEvent {
  readonly type: WatchEvent['type'];
  readonly #entry: Entry;
  readonly #in: { readonly views: Views; readonly kind: Kind };

  constructor(type: WatchEvent['type'], entry: Entry, within: { readonly views: Views; readonly kind: Kind }) {
    this.type = type;
    this.#entry = entry;
    this.#in = within;
  }

  get object(): KubeObject {
    return this.#in.views.object(this.#in.kind, this.#entry);
  }

  encoded(mediaType: string): Uint8Array {
    return this.#in.views.frame(this.#in.kind, this.#entry, { type: this.type, mediaType });
  }
}

/** One open watch. */
class Session {
  readonly #deps: ReadDeps;
  readonly #kind: Kind;
  readonly #selection: Selection;
  readonly #request: ApiRequest;
  readonly #shape: ((object: KubeObject) => KubeObject) | undefined;
  readonly #mediaType: string;
  readonly #partial: boolean;
  readonly #bookmarks: boolean;
  readonly #stop: StopSource;
  #take: Take = () => 'more';
  #ended: { readonly error?: unknown } | undefined;
  #done: ((error?: unknown) => void) | undefined;
  #sent: Revision = 0;
  #seen: Revision = 0;
  #since: Revision = 0;

  constructor(
    deps: ReadDeps,
    open: {
      readonly route: ResourceRoute;
      readonly request: ApiRequest;
      readonly wanted: Wanted;
      readonly selection: Selection;
    },
  ) {
    this.#deps = deps;
    this.#kind = open.route.kind;
    this.#selection = open.selection;
    this.#request = open.request;
    this.#mediaType = open.wanted.mediaType;
    this.#partial = open.wanted.as === 'PartialObjectMetadata';
    this.#shape = shapeOf(this.#kind, open.wanted, open.request, deps);
    this.#bookmarks = flagged(open.request.query, 'allowWatchBookmarks');
    this.#stop = StopSource.under(open.request.stop);
    const superseded = this.#kind.custom?.superseded;
    if (superseded) this.#stop.onStop(superseded.onStop(() => this.#stop.stop()));
  }

  /** What is there already, looked through and shaped a little at a time. */
  async first(entries: readonly Entry[]): Promise<readonly WatchEvent[]> {
    const { matches } = this.#selection;
    const { clock, views } = this.#deps;
    const wanted = (entry: Entry) => matches?.(views.chosen(this.#kind, entry)) ?? true;
    const chosen = matches ? await filterInSlices(clock, entries, wanted) : entries;
    return mapInSlices(clock, chosen, (entry) => this.#event('ADDED', entry));
  }

  open(since: Revision, initial: readonly WatchEvent[] | undefined, endMark: boolean): Watching {
    return {
      onBatch: (take) => {
        const { metrics } = this.#deps;
        const labels = labelsOf(this.#kind);
        this.#take = (batch) => {
          metrics.count('apiserver_watch_events_total', labels, batch.length);
          return take(batch);
        };
        this.#start(since, initial, endMark);
      },
      wrote: (bytes, events) => {
        this.#deps.metrics.observe('apiserver_watch_events_sizes', bytes / events, labelsOf(this.#kind), events);
      },
      onEnd: (done) => {
        if (this.#ended) done(this.#ended.error);
        else this.#done = done;
      },
    };
  }

  #start(since: Revision, initial: readonly WatchEvent[] | undefined, endMark: boolean): void {
    this.#stop.onStop(() => this.#end());
    this.#sent = this.#seen = this.#since = since;
    if (initial) {
      // The end is told by a bookmark, to those who take bookmarks.
      const end = endMark && this.#bookmarks ? [this.#bookmark(since, initialEventsEnd)] : [];
      const events = end.length > 0 ? [...initial, ...end] : initial;
      if (events.length > 0 && this.#take(events) === 'full') return this.#stop.stop();
    }
    this.#deadline();
    if (this.#bookmarks) this.#tick();
    const { revision } = this.#deps.store;
    if (isBeforeAll(since, revision)) return this.#gone(since, revision);
    try {
      this.#deps.store.watch(
        this.#selection.prefix,
        Math.min(since, revision),
        { take: (batch, upTo) => this.#changes(batch, upTo), closed: () => this.#stop.stop() },
        this.#stop,
      );
    } catch (error) {
      if (!(error instanceof Compacted)) throw error;
      this.#gone(since, error.oldest);
    }
  }

  /** Upstream opens the watch and then says 410 in it: clients list again. */
  #gone(since: Revision, oldest: Revision): void {
    const status = statusOf(new ApiError('Expired', `too old resource version: ${since} (${oldest})`));
    this.#take([this.#made('ERROR', status as unknown as KubeObject)]);
    this.#stop.stop();
  }

  /** Who asks from a revision that is still to come waits for it, and hears of what comes after it alone. */
  #changes(all: readonly Change[], upTo: Revision): 'more' | 'full' {
    if (upTo <= this.#since) return 'more';
    const first = all[0];
    const batch = first && first.entry.modified <= this.#since ? all.filter(this.#isNew) : all;
    this.#seen = Math.max(this.#seen, upTo);
    if (batch.length === 0) return 'more';
    const see = () => this.#events(batch);
    // A table differs from watcher to watcher: only the first row has a head.
    const events = this.#shape ? see() : seenAlike({ batch, kind: this.#kind, by: this.#selection.text }, see);
    if (events.length === 0) return 'more';
    this.#sent = (batch[batch.length - 1] as Change).entry.modified;
    return this.#take(events);
  }

  readonly #isNew = ({ entry }: Change): boolean => entry.modified > this.#since;

  #events(batch: readonly Change[]): readonly WatchEvent[] {
    const events: WatchEvent[] = [];
    for (const change of batch) {
      const event = this.#seenAs(change);
      if (event) events.push(event);
    }
    return events;
  }

  /** An object that leaves the selection arrives as DELETED, one that enters it as ADDED. */
  #seenAs(change: Change): WatchEvent | undefined {
    const { matches } = this.#selection;
    const { entry, previous } = change;
    if (!matches) {
      if (change.type === 'delete') return this.#event('DELETED', entry);
      return this.#event(previous ? 'MODIFIED' : 'ADDED', entry);
    }
    const now = change.type === 'put' && matches(this.#deps.views.chosen(this.#kind, entry));
    const before = previous !== undefined && matches(this.#deps.views.chosen(this.#kind, previous));
    if (now) return this.#event(before ? 'MODIFIED' : 'ADDED', entry);
    if (!before) return undefined;
    // The last state that was inside, at the revision at which it left.
    return change.type === 'delete'
      ? this.#event('DELETED', entry)
      : this.#event('DELETED', { ...(previous as Entry), modified: entry.modified });
  }

  #event(type: WatchEvent['type'], entry: Entry): WatchEvent {
    const views = this.#deps.views;
    if (this.#shape) return this.#made(type, this.#shape(views.passing(this.#kind, entry)));
    return new EntryEvent(type, entry, { views, kind: this.#kind });
  }

  /** An event of this watch alone. */
  #made(type: WatchEvent['type'], object: KubeObject): WatchEvent {
    if (this.#mediaType !== protobufType) return { type, object };
    return { type, object, encoded: () => encodeWatchFrame(type, encodeProtobuf(object as unknown as JsonObject)) };
  }

  #bookmark(revision: Revision, annotations?: Readonly<Record<string, string>>): WatchEvent {
    const metadata = {
      resourceVersion: String(revision),
      creationTimestamp: null,
      ...(annotations ? { annotations } : {}),
    };
    const { kind, apiVersion } = this.#kind;
    const object = { kind, apiVersion, metadata } as unknown as KubeObject;
    // Views of metadata keep their own kind in bookmarks too; a table would be one without rows.
    return this.#made('BOOKMARK', this.#shape && this.#partial ? this.#shape(object) : object);
  }

  #tick(): void {
    const cancel = this.#deps.clock.after(bookmarkIntervalMs, () => {
      forget();
      if (this.#seen > this.#sent) {
        this.#sent = this.#seen;
        if (this.#take([this.#bookmark(this.#seen)]) === 'full') return this.#stop.stop();
      }
      this.#tick();
    });
    const forget = this.#stop.onStop(cancel);
  }

  #deadline(): void {
    const asked = Number(queryValue(this.#request.query, 'timeoutSeconds') ?? 0);
    const cancel = this.#deps.clock.after(asked > 0 ? asked * 1000 : watchMinMs, () => this.#stop.stop());
    this.#stop.onStop(cancel);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = {};
    this.#done?.();
  }
}

/** Made once for each kind: nothing is put together for an event. */
const labels = new WeakMap<Kind, Labels>();

function labelsOf(kind: Kind): Labels {
  let known = labels.get(kind);
  if (!known) {
    known = Object.freeze({ group: kind.group, version: kind.version, resource: kind.plural });
    labels.set(kind, known);
  }
  return known;
}

function shapeOf(
  kind: Kind,
  wanted: Wanted,
  request: ApiRequest,
  { clock, describe }: Pick<ReadDeps, 'clock' | 'describe'>,
): ((object: KubeObject) => KubeObject) | undefined {
  const { version = 'v1' } = wanted;
  if (wanted.as === 'PartialObjectMetadata') {
    return (object) => partialMetadata(kind, object, version) as unknown as KubeObject;
  }
  if (wanted.as !== 'Table') return undefined;
  const include = includeOf(request.query);
  let headless = false;
  return (object) => {
    const metadata = { resourceVersion: object.metadata.resourceVersion };
    const table = tableOf(kind, [object], { now: clock.now(), include, metadata, version, headless, describe });
    headless = true;
    return table as unknown as KubeObject;
  };
}
