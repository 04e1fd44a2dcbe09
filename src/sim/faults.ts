import type { Millis, Random } from '../base/env.ts';
import type { SimCluster } from './cluster.ts';

/** One thing that goes wrong, and how it is put right later. */
interface Fault {
  readonly what: string;
  begin(): void | Promise<void>;
  end(): void;
}

/** Breaks the world, one fault at a time, as its stream of chance tells it. */
export class Faults {
  readonly #cluster: SimCluster;
  readonly #random: Random;
  readonly #nodes: readonly string[];
  readonly #open: Fault[] = [];

  constructor(cluster: SimCluster, random: Random, nodes: number) {
    this.#cluster = cluster;
    this.#random = random;
    this.#nodes = Array.from({ length: nodes }, (_, n) => `node-${n}`);
  }

  /** Begins a fault that ends by itself. Answers what it is. */
  async step(): Promise<string> {
    const fault = this.#draw();
    await fault.begin();
    this.#open.push(fault);
    const lasts = this.#lasts();
    this.#cluster.clock.after(lasts, () => this.#end(fault));
    return `${fault.what} for ${Math.round(lasts / 1000)} s`;
  }

  /** Everything is put right: from now on the cluster must find its way. */
  stop(): void {
    for (const fault of [...this.#open]) this.#end(fault);
  }

  #end(fault: Fault): void {
    const index = this.#open.indexOf(fault);
    if (index < 0) return;
    this.#open.splice(index, 1);
    fault.end();
  }

  #lasts(): Millis {
    return 1_000 + this.#random.below(40_000);
  }

  #draw(): Fault {
    const cluster = this.#cluster;
    const node = this.#nodes[this.#random.below(this.#nodes.length)] as string;
    const part = (['controllers', 'scheduler', 'server'] as const)[this.#random.below(3)] as string;
    const host = this.#random.below(2) === 0 ? node : part;
    const faults: readonly Fault[] = [
      { what: `crash ${part}`, begin: () => cluster.crash(part), end: () => cluster.restart(part) },
      { what: `crash the agent of ${node}`, begin: () => cluster.crash(node), end: () => cluster.restart(node) },
      { what: `power off ${node}`, begin: () => cluster.powerOff(node), end: () => cluster.restart(node) },
      { what: `cut ${host}`, begin: () => cluster.net.cut(host), end: () => cluster.net.heal(host) },
      {
        what: `hold the watches of ${host}`,
        begin: () => cluster.net.holdWatches(host),
        end: () => cluster.net.releaseWatches(host),
      },
      { what: `lose answers of ${host}`, begin: () => cluster.net.loseAnswers(host, 3), end: () => {} },
      { what: 'end all watches', begin: () => cluster.net.endWatches(), end: () => {} },
      { what: 'compact', begin: () => cluster.store.compact(cluster.store.revision), end: () => {} },
      { what: `end a container of ${node}`, begin: () => this.#endContainer(node), end: () => {} },
    ];
    return faults[this.#random.below(faults.length)] as Fault;
  }

  #endContainer(node: string): void {
    const runtime = this.#cluster.runtimes.get(node);
    const running = runtime?.seen().containers.filter(({ state }) => state === 'running') ?? [];
    const victim = running[this.#random.below(running.length)];
    if (victim) runtime?.end(victim.id, 1);
  }
}
