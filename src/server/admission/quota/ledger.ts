import type { Kind } from '../../../api/kind.ts';
import { type ResourceQuota, resourceQuotas } from '../../../api/kinds/resource-quota.ts';
import { type Amounts, amountsOf, amountTexts, only, shown, sum } from '../../../api/quota/amounts.ts';
import { equalJson, type Json, type JsonObject } from '../../../base/json.ts';
import type { Entry, Store } from '../../../store/store.ts';
import { storagePrefix } from '../../kinds.ts';
import { conflict } from '../../write.ts';

const conflictRetriesMax = 5;

/** One request that wants to use something. */
export interface Charge {
  /** What it uses more than before. */
  readonly usage: Amounts;
  readonly dryRun: boolean;
  /** Which of the quotas are about it. Throws where one of them cannot be judged. */
  concerns(quota: ResourceQuota): boolean;
  /** The error that the client gets. */
  refused(why: string): Error;
}
interface Waiting extends Charge {
  readonly done: (error?: unknown) => void;
  /** The quotas that hold it already: not charged again when another one was changed meanwhile. */
  readonly charged: Set<string>;
}

/**
 * What is used of each quota. Requests of a namespace are judged one after another, and those that came while the last
 * write was under way share the next: usage is written, by compare-and-set, before any of them goes on.
 */
export class Ledger {
  readonly #store: Store;
  readonly #waiting = new Map<string, Waiting[]>();

  constructor(store: Store) {
    this.#store = store;
  }

  charge(namespace: string, charge: Charge): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (error?: unknown) => (error === undefined ? resolve() : reject(error));
      const waiting = { ...charge, charged: new Set<string>(), done };
      const queue = this.#waiting.get(namespace);
      if (queue) {
        queue.push(waiting);
        return;
      }
      this.#waiting.set(namespace, [waiting]);
      void this.#work(namespace);
    });
  }

  async #work(namespace: string): Promise<void> {
    for (;;) {
      const batch = this.#waiting.get(namespace)?.splice(0) ?? [];
      if (batch.length === 0) {
        this.#waiting.delete(namespace);
        return;
      }
      await this.#settle(namespace, batch).catch((error: unknown) => {
        for (const { done } of batch) done(error);
      });
    }
  }

  async #settle(namespace: string, batch: readonly Waiting[]): Promise<void> {
    const prefix = `${storagePrefix(resourceQuotas as unknown as Kind)}${namespace}/`;
    let open = batch;
    for (let tries = 0; open.length > 0; tries++) {
      const { entries } = await this.#store.list(prefix);
      const books = entries.map((entry) => new Book(entry));
      open = open.filter((waiting) => judged(waiting, books));
      const failed = await this.#written(books, open);
      if (failed === undefined) break;
      if (tries >= conflictRetriesMax) throw modified(namespace, failed);
    }
    for (const { done } of open) done();
  }

  /** The quota that somebody else was quicker to write; undefined: all are written. */
  async #written(books: readonly Book[], open: readonly Waiting[]): Promise<string | undefined> {
    for (const book of books) {
      if (!book.isChanged) continue;
      const done = await this.#store.commit(book.entry.key, book.entry.modified, book.value());
      if (!done.ok) return book.quota.metadata.name;
      for (const { charged } of open) if (book.holds(charged)) charged.add(book.entry.key);
    }
    return undefined;
  }
}

const modified = (namespace: string, name: string) =>
  conflict(
    { kind: resourceQuotas as unknown as Kind, namespace, name, subresource: 'status', rest: '', verb: 'update' },
    'the object has been modified; please apply your changes to the latest version and try again',
  );

/** Answers whether the request goes on; else it has been told why not. */
function judged(waiting: Waiting, books: readonly Book[]): boolean {
  try {
    const concerned = books.filter(({ entry, quota }) => !waiting.charged.has(entry.key) && waiting.concerns(quota));
    for (const book of concerned) book.require(waiting);
    if (!waiting.dryRun) for (const book of concerned) book.take(waiting);
    return true;
  } catch (error) {
    waiting.done(error);
    return false;
  }
}

interface QuotaStatus {
  readonly hard?: Readonly<Record<string, string>>;
  readonly used?: Readonly<Record<string, string>>;
}

/** One quota while a batch is judged. */
class Book {
  readonly entry: Entry;
  readonly quota: ResourceQuota;
  readonly #hard: Amounts;
  readonly #before: Amounts;
  readonly #takers = new Set<ReadonlySet<string>>();
  #used: Amounts;

  constructor(entry: Entry) {
    this.entry = entry;
    this.quota = entry.value as unknown as ResourceQuota;
    const { hard, used } = (this.quota.status ?? {}) as QuotaStatus;
    this.#hard = amountsOf(hard);
    this.#used = amountsOf(used);
    this.#before = this.#used;
  }

  get isChanged(): boolean {
    return this.#used !== this.#before && !equalJson(amountTexts(this.#used), amountTexts(this.#before));
  }

  holds(charged: ReadonlySet<string>): boolean {
    return this.#takers.has(charged);
  }

  require({ usage, refused }: Waiting): void {
    const wanted = only(usage, (name) => this.#hard.has(name));
    const after = sum(this.#used, wanted);
    const exceeds = (name: string) => (after.get(name)?.nanos ?? 0n) > (this.#hard.get(name)?.nanos ?? 0n);
    const requested = only(wanted, exceeds);
    if (requested.size === 0) return;
    const isRequested = (name: string) => requested.has(name);
    const [used, limited] = [only(this.#used, isRequested), only(this.#hard, isRequested)];
    const { name } = this.quota.metadata;
    throw refused(
      `exceeded quota: ${name}, requested: ${shown(requested)}, used: ${shown(used)}, limited: ${shown(limited)}`,
    );
  }

  take({ usage, charged }: Waiting): void {
    const wanted = only(usage, (name) => this.#hard.has(name));
    if (wanted.size === 0) return;
    this.#used = sum(this.#used, wanted);
    this.#takers.add(charged);
  }

  value(): Json {
    const value = this.entry.value as JsonObject;
    return { ...value, status: { ...(this.quota.status as JsonObject), used: amountTexts(this.#used) as Json } };
  }
}
