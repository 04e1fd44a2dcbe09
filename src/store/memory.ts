import { firstRevision, StoreCore } from './core.ts';
import type { HistoryLimits } from './history.ts';
import { defaultHistoryLimits } from './history.ts';
import type { Schedule } from './journaled.ts';
import { JournaledStore } from './journaled.ts';
import type { Revision } from './store.ts';

export interface MemoryStoreOptions extends Partial<HistoryLimits> {
  /** When a batch of commits becomes "durable": by default, as soon as the running code has ended. */
  readonly schedule?: Schedule;
  /** The revision before the first commit. */
  readonly revision?: Revision;
}

/** The meaning of a store without durability: for tests, for the simulator, and for a cluster that need not last. */
export class MemoryStore extends JournaledStore {
  constructor(options: MemoryStoreOptions = {}) {
    const { schedule = soon, revision = firstRevision, ...limits } = options;
    super(new StoreCore({ ...defaultHistoryLimits, ...limits }, revision), nowhere, schedule);
  }
}

const nowhere = { write: () => {}, forget: () => {}, close: () => {} };

const soon: Schedule = (run) => {
  void Promise.resolve().then(run);
};
