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

  /** Hands a durable batch to those it concerns, once each, all of a group sharing one array. */
  dispatch(batch: readonly Change[], upTo: Revision): void {
    const shares = new Map<Group, Change[]>();
    for (const change of batch) {
      this.#eachGroup(change.entry.key, (group) => {
        const share = shares.get(group);
        if (share === undefined) shares.set(group, [change]);
        else share.push(change);
      });
    }
    for (const [group, share] of shares) {
      for (const member of group.members) {
        // Whoever joined while we hand out has this batch from history already.
        if (member.told < upTo) this.#tell(member, share, upTo);
      }
    }
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
