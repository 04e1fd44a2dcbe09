import { contains } from '../api/kinds/addresses.ts';
import type { Node } from '../api/kinds/node.ts';
import type { Component, Env } from '../base/env.ts';
import type { Stop } from '../base/stop.ts';
import { compareText } from '../base/text.ts';
import type { Cache } from '../machinery/cache.ts';

/** Where the pods of another node are reached. */
export interface NodeRoute {
  readonly range: string;
  readonly via: string;
}

/** What this machine knows of the way to other nodes, whole at the port. */
export interface RouteTable {
  replace(routes: readonly NodeRoute[]): Promise<void>;
}

/** The ways to the pods of all other machines. A node that is at this machine's own address is no other machine. */
export function nodeRoutes(nodes: readonly Node[], own: string): readonly NodeRoute[] {
  const found = nodes.flatMap((node) => {
    const via = addressOf(node);
    const { podCIDR: range } = node.spec;
    if (node.metadata.name === own || !range || range.includes(':') || !via || contains('127.0.0.0/8', via)) return [];
    return [{ range, via }];
  });
  const here = nodes.find(({ metadata }) => metadata.name === own);
  const ownAddress = here && addressOf(here);
  // Until this node has told its address, any of the others may be of this machine too.
  if (!ownAddress) return [];
  const others = found.filter(({ via }) => via !== ownAddress);
  return others.sort((a, b) => compareText(a.range, b.range));
}

const addressOf = ({ status }: Node): string | undefined =>
  status?.addresses?.find(({ type, address }) => type === 'InternalIP' && !address.includes(':'))?.address;

const retryMs = 5_000;

/** Keeps the ways to other nodes as the Nodes have it. */
export class NodeRouter implements Component {
  readonly name = 'node-router';
  readonly #env: Env;
  readonly #nodes: Cache<Node>;
  readonly #own: string;
  readonly #table: RouteTable;
  #told = '[]';
  #turn: Promise<void> = Promise.resolve();
  #running = false;

  constructor(env: Env, { nodes, own, table }: { nodes: Cache<Node>; own: string; table: RouteTable }) {
    this.#env = env;
    this.#nodes = nodes;
    this.#own = own;
    this.#table = table;
    nodes.onProgress(() => this.#look());
  }

  run(stop: Stop): Promise<void> {
    this.#running = true;
    this.#look();
    return new Promise((resolve) => {
      stop.onStop(() => {
        this.#running = false;
        void this.#turn.then(resolve);
      });
    });
  }

  #look(): void {
    if (!this.#running || !this.#nodes.synced) return;
    const routes = nodeRoutes(this.#nodes.list(), this.#own);
    const text = JSON.stringify(routes);
    if (text === this.#told) return;
    this.#told = text;
    this.#turn = this.#turn
      .then(() => this.#table.replace(routes))
      .catch((error: unknown) => {
        this.#told = '';
        this.#env.log.error('the ways to other nodes could not be set, trying again', { error: String(error) });
        this.#env.clock.after(retryMs, () => this.#look());
      });
  }
}
