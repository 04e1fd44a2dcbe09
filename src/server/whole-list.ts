import type { Clock } from '../base/env.ts';
import { Compacted, type Entry, type ListOptions, type Store } from '../store/store.ts';
import { nextTurn } from './slices.ts';

/** As many are taken in one go: a hundred thousand would hold up everybody else for a twentieth of a second. */
const pageMax = 1_000;

/** Everything below a prefix as it is at one revision, a page a turn. */
export async function listWhole(
  clock: Clock,
  store: Store,
  prefix: string,
  from: Omit<ListOptions, 'limit'> = {},
): ReturnType<Store['list']> {
  const first = await store.list(prefix, { ...from, limit: pageMax });
  if (first.remaining === 0) return first;
  const { revision } = first;
  const entries = [...first.entries];
  try {
    for (let { remaining } = first; remaining > 0; ) {
      await nextTurn(clock);
      const after = (entries.at(-1) as Entry).key;
      const page = await store.list(prefix, { at: revision, after, limit: pageMax });
      entries.push(...page.entries);
      remaining = page.remaining;
    }
  } catch (error) {
    if (!(error instanceof Compacted)) throw error;
    // What was asked for is there still, or is refused as it would have been at first.
    return store.list(prefix, from);
  }
  return { entries, revision, remaining: 0 };
}
