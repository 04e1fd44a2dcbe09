import type { Stop } from '../base/stop.ts';
import type { Change, Revision, Watcher } from './store.ts';

/** One watcher and how far it was told. */
interface Member {
  readonly group: Group;
  readonly watcher: Watcher;
  told: Revision;
  forget: () => void;
}

interface Group {
  readonly prefix: string;
  readonly members: Set<Member>;
}

/** What is to be handed out to a group, and to whom of it still. */
interface HandOut {
  readonly members: Iterator<Member>;
  readonly share: readonly Change[];
  /** What it costs to tell one of them. */
  readonly price: number;
  readonly upTo: Revision;
}
/** How many were told, and whether others are still to be told. */
export interface HandedOut {
  readonly told: number;
  readonly left: boolean;
}

/** To write to a watcher costs about as much as so many bytes that are written to it. */
const writePrice = 2 * 1024;

/**
 * Watchers by prefix. A change finds its groups by the prefixes of its own key that end in '/', so thousands of
 * watchers elsewhere cost nothing. A prefix that ends inside a word (the watch of one object) is found by its length:
 * for each folder we know which lengths occur in it, and those are few.
 */
export class WatchGroups {
  readonly #groups = new Map<string, Group>();
  /** Folder -> length of a prefix that ends inside a word there -> how many groups have it. */
  readonly #lengths = new Map<string, Map<number, number>>();
  /** Everybody, the one told longest ago first. */
  readonly #byTold = new Set<Member>();
  #handOuts: HandOut[] = [];

  get size(): number {
    return this.#byTold.size;
  }

  /** The watcher has been told everything up to `told`. */
  add(prefix: string, told: Revision, watcher: Watcher, stop: Stop): void {
    let group = this.#groups.get(prefix);
    if (group === undefined) {
      group = { prefix, members: new Set() };
      this.#groups.set(prefix, group);
      this.#countLength(prefix, 1);
    }
    const member: Member = { group, watcher, told, forget: () => {} };
    group.members.add(member);
    this.#byTold.add(member);
    member.forget = stop.onStop(() => this.#remove(member));
  }

  /** A durable batch is to be handed to those it concerns, once each, all of a group sharing one array. */
  prepare(batch: readonly Change[], weights: readonly number[], upTo: Revision): void {
    const shares = new Map<Group, { readonly share: Change[]; price: number }>();
    for (const [index, change] of batch.entries()) {
      this.#eachGroup(change.entry.key, (group) => {
        const known = shares.get(group) ?? { share: [], price: writePrice };
        known.share.push(change);
        known.price += weights[index] as number;
        shares.set(group, known);
      });
    }
    for (const [group, { share, price }] of shares) {
      this.#handOuts.push({ members: group.members.values(), share, price, upTo });
    }
  }

  /** Hands out what was prepared, until it costs more than `priceMax`. */
  handOut(priceMax: number): HandedOut {
    let told = 0;
    let price = 0;
    for (let next = this.#handOuts[0]; next; next = this.#handOuts[0]) {
      for (let { value: member, done } = next.members.next(); !done; { value: member, done } = next.members.next()) {
        // Whoever joined while we hand out has this batch from history already.
        if (member.told >= next.upTo) continue;
        this.#tell(member, next.share, next.upTo);
        told++;
        price += next.price;
        if (price >= priceMax) return { told, left: true };
      }
      this.#handOuts.shift();
    }
    return { told, left: false };
  }

  /** Tells at most `max` of those left behind how far the store is. Answers whether more are left behind. */
  progress(upTo: Revision, max: number): boolean {
    let told = 0;
    for (const member of this.#byTold) {
      if (member.told >= upTo) return false;
      if (told++ === max) return true;
      this.#tell(member, [], upTo);
    }
    return false;
  }

  close(): void {
    this.#handOuts = [];
    for (const member of [...this.#byTold]) {
      if (this.#remove(member)) member.watcher.closed('store closed');
    }
  }

  #tell(member: Member, batch: readonly Change[], upTo: Revision): void {
    member.told = upTo;
    this.#byTold.delete(member);
    this.#byTold.add(member);
    if (member.watcher.take(batch, upTo) === 'full' && this.#remove(member)) member.watcher.closed('full');
  }

  #remove(member: Member): boolean {
    if (!this.#byTold.delete(member)) return false;
    member.forget();
    const { group } = member;
    group.members.delete(member);
    if (group.members.size === 0) {
      this.#groups.delete(group.prefix);
      this.#countLength(group.prefix, -1);
    }
    return true;
  }

  #eachGroup(key: string, found: (group: Group) => void): void {
    // The empty prefix ends where its folder does, as every folder's own prefix.
    for (let end = 0; ; ) {
      const folder = key.slice(0, end);
      const group = this.#groups.get(folder);
      if (group !== undefined) found(group);
      const lengths = this.#lengths.get(folder);
      const slash = key.indexOf('/', end);
      const wordEnd = slash < 0 ? key.length : slash;
      if (lengths !== undefined) this.#eachInside(key.slice(0, wordEnd), lengths, found);
      if (slash < 0) return;
      end = slash + 1;
    }
  }

  #eachInside(word: string, lengths: ReadonlyMap<number, number>, found: (group: Group) => void): void {
    for (const length of lengths.keys()) {
      if (length > word.length) continue;
      const group = this.#groups.get(word.slice(0, length));
      if (group !== undefined) found(group);
    }
  }

  #countLength(prefix: string, by: 1 | -1): void {
    if (prefix === '' || prefix.endsWith('/')) return;
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    const lengths = this.#lengths.get(folder) ?? new Map<number, number>();
    const count = (lengths.get(prefix.length) ?? 0) + by;
    if (count > 0) lengths.set(prefix.length, count);
    else lengths.delete(prefix.length);
    if (lengths.size > 0) this.#lengths.set(folder, lengths);
    else this.#lengths.delete(folder);
  }
}
