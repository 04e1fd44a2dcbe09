import type { Cancel, Env } from '../../../base/env.ts';
import { hash32 } from '../../../base/hash.ts';
import type { Dataplane, PolicyDataplane, Route } from '../../../network/dataplane.ts';
import type { PolicyTable } from '../../../network/policy-table.ts';
import { baseRules, type NetworkPlace } from './base-rules.ts';
import { forget, staleOf } from './conntrack.ts';
import { type Fact, factsOf } from './facts.ts';
import { Ledger } from './ledger.ts';
import { nft, transact } from './nft.ts';
import { removeOrphans, tablePrefix } from './orphans.ts';
import { openLoopback, openPorts, podLinks } from './pod-links.ts';
import { policyFacts } from './policy-facts.ts';
import { scriptOf } from './script.ts';

/** Firewalls that start anew take everybody's rules away: ours are looked after now and then. */
const checkMs = 30_000;

export interface NftablesOptions extends Omit<NetworkPlace, 'owner'> {
  readonly env: Env;
  /** Whose table it is: another cluster on this machine has another. */
  readonly cluster: string;
}

interface Known {
  readonly route: Route;
  readonly facts: readonly Fact[];
}

export const tableName = (cluster: string): string => `${tablePrefix}${hash32(cluster).toString(16).padStart(8, '0')}`;

/** Services in the kernel: a table of our own, changed in one transaction at a time. Nothing else is touched. */
export class NftablesDataplane implements Dataplane, PolicyDataplane {
  readonly #options: NftablesOptions;
  readonly #table: string;
  #ledger = new Ledger();
  #known = new Map<string, Known>();
  #policies: readonly Fact[] = [];
  #wantedPolicies: PolicyTable = { sides: [], pods: [], addresses: [] };
  #links: readonly string[] = [];
  #linkFacts: readonly Fact[] = [];
  /** Devices whose loopback we opened ourselves. */
  readonly #opened = new Set<string>();
  #made = false;
  #turn: Promise<void> = Promise.resolve();
  #wanted: readonly Route[] = [];
  #check: Cancel | undefined;
  #forgets = true;
  #closed = false;

  constructor(options: NftablesOptions) {
    this.#options = options;
    this.#table = tableName(options.cluster);
  }

  replace(table: readonly Route[]): Promise<void> {
    return this.#next(() => this.#replace(table));
  }

  enforce(table: PolicyTable): Promise<void> {
    return this.#next(async () => {
      this.#wantedPolicies = table;
      await this.#replace(this.#wanted);
    });
  }

  /** The table goes, and with it every rule. Connections that are there go on. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#check?.();
    await this.#turn;
    if (this.#made) await transact(`add table inet ${this.#table}\ndelete table inet ${this.#table}\n`);
    this.#made = false;
    for (const device of this.#opened) openLoopback(device, false);
  }

  #next(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #replace(table: readonly Route[]): Promise<void> {
    if (this.#closed) return;
    this.#wanted = table;
    const next = new Map<string, Known>();
    const stale: (readonly string[])[] = [];
    for (const route of table) {
      const key = `${route.protocol} ${route.vip} ${route.port} ${route.namespace}/${route.name}`;
      const known = this.#known.get(key);
      const entry = known?.route === route ? known : { route, facts: factsOf(route) };
      next.set(key, entry);
      if (entry === known) continue;
      // New first: what both have stays as it is.
      this.#ledger.add(entry.facts);
      if (known) this.#ledger.remove(known.facts);
      stale.push(...staleOf(known?.route, route));
    }
    for (const [key, { route, facts }] of this.#known) {
      if (next.has(key)) continue;
      this.#ledger.remove(facts);
      stale.push(...staleOf(route, undefined));
    }
    this.#known = next;
    const policies = policyFacts(this.#wantedPolicies);
    this.#ledger.add(policies);
    this.#ledger.remove(this.#policies);
    this.#policies = policies;
    this.#meetLinks();
    await this.#apply();
    if (stale.length > 0) await this.#forget(stale);
  }

  async #apply(): Promise<void> {
    const changes = this.#ledger.changes();
    const script = scriptOf(this.#table, changes);
    const whole = this.#made ? script : baseRules(this.#table, { ...this.#options, owner: process.pid }) + script;
    if (whole === '') return;
    try {
      await transact(whole);
      if (!this.#made) await this.#removeOrphans();
      this.#made = true;
      this.#lookLater();
    } catch (error) {
      this.#startOver();
      throw error;
    }
    // Somebody new, who may want to meet itself.
    if (changes.some(({ into, after }) => into === 'hairpin4' && after !== undefined)) void this.#openPorts();
  }

  async #removeOrphans(): Promise<void> {
    const { log } = this.#options.env;
    const gone = await removeOrphans(this.#table).catch((error: unknown) => {
      log.error('tables of clusters that were killed could not be taken away', { error: String(error) });
      return [];
    });
    if (gone.length > 0) log.info('tables of clusters that were killed are gone', { tables: gone });
  }

  async #openPorts(): Promise<void> {
    try {
      for (const device of this.#links) await openPorts(device);
    } catch (error) {
      // A port that has just gone, or a device that is no bridge.
      this.#options.env.log.debug('a port of a bridge was not opened', { error: String(error) });
    }
  }

  /** What stands in the kernel is not what was thought: the next table is applied whole. */
  #startOver(): void {
    this.#ledger = new Ledger();
    this.#known = new Map();
    this.#policies = [];
    this.#linkFacts = [];
    this.#made = false;
  }

  #lookLater(): void {
    const { clock, log } = this.#options.env;
    this.#check ??= clock.after(checkMs, () => {
      this.#check = undefined;
      this.#next(() => this.#lookAfter())
        .catch((error: unknown) =>
          log.error('the table of services could not be looked after', { error: String(error) }),
        )
        .finally(() => {
          if (!this.#closed) this.#lookLater();
        });
    });
  }

  async #lookAfter(): Promise<void> {
    if (this.#closed) return;
    const there = await nft(['list', 'chain', 'inet', this.#table, 'refuse']).then(
      () => true,
      () => false,
    );
    if (!there) {
      this.#options.env.log.error('somebody took the table of services away: it is made anew', { table: this.#table });
      this.#startOver();
    }
    // Also for devices that have come, and lead to pods.
    await this.#replace(this.#wanted);
  }

  #meetLinks(): void {
    const { near, all } = podLinks(this.#options.podRange);
    for (const device of all) if (openLoopback(device, true)) this.#opened.add(device);
    const element = (into: 'pod_links' | 'loopback_links') => (device: string) => ({
      into,
      key: `"${device}"`,
      value: '',
    });
    const facts: readonly Fact[] = [...near.map(element('pod_links')), ...all.map(element('loopback_links'))];
    this.#ledger.add(facts);
    this.#ledger.remove(this.#linkFacts);
    this.#linkFacts = facts;
    this.#links = near;
  }

  async #forget(stale: readonly (readonly string[])[]): Promise<void> {
    if (!this.#forgets || (await forget(stale))) return;
    this.#forgets = false;
    const remedy = 'install conntrack: without it a client that keeps its UDP port keeps a backend that left';
    this.#options.env.log.info('the kernel cannot be told to forget datagrams', { remedy });
  }
}

/** Whether this machine can do it: the rules themselves are tried, and not applied. */
export async function hasNftables(): Promise<boolean> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const table = `mini-k8s-probe-${process.pid}`;
  try {
    await nft(['-c', '-f', '-'], baseRules(table, { podRange: '10.244.0.0/16', bridged: true, owner: process.pid }));
    return true;
  } catch {
    return false;
  }
}
