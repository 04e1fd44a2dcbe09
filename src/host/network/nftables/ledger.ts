import { compareText } from '../../../base/text.ts';
import type { Fact } from './facts.ts';

export interface Change {
  readonly into: Fact['into'];
  readonly key: string;
  /** Undefined: it was not there. */
  readonly before: string | undefined;
  /** Undefined: it goes. */
  readonly after: string | undefined;
}

interface Entry {
  readonly into: Fact['into'];
  readonly key: string;
  /** How many routes say each value: two that contradict each other are settled the same way every time. */
  readonly values: Map<string, number>;
}

/** What the table holds, and how many routes want it: several share chains, addresses and backends. */
export class Ledger {
  readonly #entries = new Map<string, Entry>();
  readonly #before = new Map<string, string | undefined>();

  add(facts: readonly Fact[]): void {
    for (const { into, key, value } of facts) {
      const entry = this.#touch(into, key);
      entry.values.set(value, (entry.values.get(value) ?? 0) + 1);
    }
  }

  remove(facts: readonly Fact[]): void {
    for (const { into, key, value } of facts) {
      const { values } = this.#touch(into, key);
      const left = (values.get(value) ?? 0) - 1;
      if (left > 0) values.set(value, left);
      else values.delete(value);
    }
  }

  /** What has become different since it was asked last. */
  changes(): readonly Change[] {
    const changes: Change[] = [];
    for (const [id, before] of this.#before) {
      const entry = this.#entries.get(id) as Entry;
      const after = said(entry);
      if (after === undefined) this.#entries.delete(id);
      if (before !== after) changes.push({ into: entry.into, key: entry.key, before, after });
    }
    this.#before.clear();
    return changes;
  }

  #touch(into: Fact['into'], key: string): Entry {
    const id = `${into} ${key}`;
    let entry = this.#entries.get(id);
    if (!entry) {
      entry = { into, key, values: new Map() };
      this.#entries.set(id, entry);
    }
    if (!this.#before.has(id)) this.#before.set(id, said(entry));
    return entry;
  }
}

function said({ values }: Entry): string | undefined {
  if (values.size < 2) for (const value of values.keys()) return value;
  return [...values.keys()].sort(compareText)[0];
}
