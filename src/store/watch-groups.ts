import type { Stop } from '../base/stop.ts';
import type { Change, Revision, Watcher } from './store.ts';
import { type Told, ToldOrder } from './told-order.ts';

/** One watcher and how far it was told. */
interface Member extends Told<Member> {
  readonly group: Group;
  readonly watcher: Watcher;
  told: Revision;
  forget: () => void;
}

interface Group {
  readonly prefix: string;
  readonly members: Set<Member>;
}

/** Whom the changes in a folder concern. */
interface Near {
  readonly folder: string;
  /** By the names of the folder and of those around it. */
  readonly groups: readonly Group[];
  /** Of prefixes that end inside a name in it. */
  readonly lengths: ReadonlyMap<number, number> | undefined;
}

/** What a group is to be told, of one batch or of several. */
interface Share {
  readonly changes: Change[];
  /** What it costs to tell one of them. */
  price: number;
  upTo: Revision;
}

/** What is handed out to a group, and to whom of it still. */
interface HandOut {
  readonly members: Iterator<Member>;
  readonly share: Share;
}

/** What nobody has begun to hand out. */
export interface DueHandOut {
  readonly watchers: number;
  readonly price: number;
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
  readonly #byTold = new ToldOrder<Member>();
  readonly #due = new Map<Group, Share>();
  #handOuts: HandOut[] = [];
  /** Most often the next change is in the same folder. */
  #near: Near | undefined;

  get size(): number {
    return this.#byTold.size;
  }

  /** The watcher has been told everything up to `told`. */
  add(prefix: string, told: Revision, watcher: Watcher, stop: Stop): void {
    let group = this.#groups.get(prefix);
    if (group === undefined) {
      group = { prefix, members: new Set() };
      this.#groups.set(prefix, group);
      this.#near = undefined;
      this.#countLength(prefix, 1);
    }
    const member: Member = { group, watcher, told, forget: () => {}, before: undefined, after: undefined };
    group.members.add(member);
    this.#byTold.add(member);
    member.forget = stop.onStop(() => this.#remove(member));
  }

  /** A durable batch is due to those it concerns, together with what is due to them already. */
  prepare(batch: readonly Change[], weights: readonly number[], upTo: Revision): void {
    for (const [index, change] of batch.entries()) {
      this.#eachGroup(change.entry.key, (group) => {
        let share = this.#due.get(group);
        if (!share) this.#due.set(group, (share = { changes: [], price: writePrice, upTo }));
        share.changes.push(change);
        share.price += weights[index] as number;
        share.upTo = upTo;
      });
    }
  }

  get due(): DueHandOut {
    let watchers = 0;
    let price = 0;
    for (const [{ members }, share] of this.#due) {
      watchers += members.size;
      price += members.size * share.price;
    }
    return { watchers, price };
  }

  /** What is due is handed out from now on, to each once, all of a group sharing one array. */
  begin(): void {
    if (this.#due.size === 0) return;
    for (const [{ members }, share] of this.#due) this.#handOuts.push({ members: members.values(), share });
    this.#due.clear();
  }

  /** Hands out what was begun, until it costs more than `priceMax`. Answers whether others are still to be told. */
  handOut(priceMax: number): boolean {
    let price = 0;
    for (let next = this.#handOuts[0]; next; next = this.#handOuts[0]) {
      const { members, share } = next;
      for (let { value: member, done } = members.next(); !done; { value: member, done } = members.next()) {
        const changes = unseen(share.changes, member.told);
        if (changes.length === 0) continue;
        this.#tell(member, changes, share.upTo);
        price += share.price;
        if (price >= priceMax) return true;
      }
      this.#handOuts.shift();
    }
    return false;
  }

  /** Tells at most `max` of those left behind how far the store is. Answers whether more are left behind. */
  progress(upTo: Revision, max: number): boolean {
    let told = 0;
    for (let member = this.#byTold.first; member && member.told < upTo; member = this.#byTold.first) {
      if (told++ === max) return true;
      this.#tell(member, [], upTo);
    }
    return false;
  }

  close(): void {
    this.#handOuts = [];
    this.#due.clear();
    for (let member = this.#byTold.first; member; member = this.#byTold.first) {
      this.#remove(member);
      member.watcher.closed('store closed');
    }
  }

  #tell(member: Member, batch: readonly Change[], upTo: Revision): void {
    member.told = upTo;
    this.#byTold.toEnd(member);
    if (member.watcher.take(batch, upTo) === 'full' && this.#remove(member)) member.watcher.closed('full');
  }

  #remove(member: Member): boolean {
    if (!this.#byTold.remove(member)) return false;
    member.forget();
    const { group } = member;
    group.members.delete(member);
    if (group.members.size === 0) {
      this.#groups.delete(group.prefix);
      this.#near = undefined;
      this.#countLength(group.prefix, -1);
    }
    return true;
  }

  #eachGroup(key: string, found: (group: Group) => void): void {
    const { groups, lengths } = this.#nearOf(key);
    for (const group of groups) found(group);
    if (lengths !== undefined) this.#eachInside(key, lengths, found);
  }

  #nearOf(key: string): Near {
    const near = this.#near;
    if (near && key.startsWith(near.folder) && !key.includes('/', near.folder.length)) return near;
    const folder = key.slice(0, key.lastIndexOf('/') + 1);
    const groups: Group[] = [];
    const found = (group: Group) => void groups.push(group);
    // The empty prefix ends where its folder does, as every folder's own prefix.
    for (let end = 0; ; ) {
      const around = key.slice(0, end);
      const group = this.#groups.get(around);
      if (group !== undefined) found(group);
      const lengths = this.#lengths.get(around);
      if (end === folder.length) return (this.#near = { folder, groups, lengths });
      const slash = key.indexOf('/', end);
      if (lengths !== undefined) this.#eachInside(key.slice(0, slash), lengths, found);
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

/** Whoever joined after some of it was shown has that from history already. */
function unseen(changes: readonly Change[], told: Revision): readonly Change[] {
  if (told < (changes[0] as Change).entry.modified) return changes;
  return changes.filter(({ entry }) => entry.modified > told);
}
