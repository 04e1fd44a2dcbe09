import type { Kind } from '../api/kind.ts';
import type { WatchEvent } from '../api/wire.ts';
import type { Change } from '../store/store.ts';

/** Watchers whose prefix is the same are handed the same array. */
interface Look {
  readonly batch: readonly Change[];
  readonly kind: Kind;
  /** Which selection. */
  readonly by: string;
}

const seen = new WeakMap<readonly Change[], Map<Kind, Map<string, readonly WatchEvent[]>>>();

/**
 * What a batch of changes is to everybody who watches the same kind with the same selection: found out once, and one
 * array, by which whoever writes it out knows that its bytes are made already.
 */
export function seenAlike({ batch, kind, by }: Look, see: () => readonly WatchEvent[]): readonly WatchEvent[] {
  let byKind = seen.get(batch);
  if (!byKind) {
    byKind = new Map();
    seen.set(batch, byKind);
  }
  let bySelection = byKind.get(kind);
  if (!bySelection) {
    bySelection = new Map();
    byKind.set(kind, bySelection);
  }
  let events = bySelection.get(by);
  if (!events) {
    events = see();
    bySelection.set(by, events);
  }
  return events;
}
