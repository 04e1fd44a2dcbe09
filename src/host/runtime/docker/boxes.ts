import type { SandboxSpec } from '../../../agent/runtime.ts';
import type { PodAddresses } from './addresses.ts';
import { label } from './identity.ts';
import type { Seen } from './inventory.ts';

/** A sandbox: what a pod's containers share. */
export interface Box {
  readonly spec: SandboxSpec;
  readonly address: string;
  /**
   * The pod's only container is its own sandbox. Nothing holds the namespaces while it does not run, and nothing can
   * tell: the address is kept for its next attempt.
   */
  readonly alone: boolean;
}

export const isSandbox = (seen: Seen): boolean => seen.state.id === seen.state.sandbox;

/** The sandboxes of one node, by id: those that were opened, and those that the engine's labels tell of. */
export class Boxes {
  readonly #addresses: PodAddresses;
  readonly #known = new Map<string, Box>();

  constructor(addresses: PodAddresses) {
    this.#addresses = addresses;
  }

  /** Takes over what an earlier life of the agent has left. */
  adopt(all: readonly Seen[]): void {
    for (const seen of all) {
      const id = seen.state.sandbox;
      const address = seen.labels[label.address] ?? '';
      if (this.#known.has(id)) continue;
      const text = seen.labels[label.spec];
      const spec = text === undefined ? undefined : (JSON.parse(text) as SandboxSpec);
      if (!spec?.hostNetwork) this.#addresses.keep(id, address);
      if (spec) this.#known.set(id, { spec, address, alone: !isSandbox(seen) });
    }
  }

  /** Idempotent. What a sandbox once was it stays. */
  open(spec: SandboxSpec, wish: { readonly alone: boolean; readonly hostIp: string }): Box {
    const known = this.#known.get(spec.id);
    if (known) return known;
    const address = spec.hostNetwork ? wish.hostIp : this.#addresses.take(spec.id);
    const box: Box = { spec, address, alone: wish.alone };
    this.#known.set(spec.id, box);
    return box;
  }

  /** The engine says that somebody else has this address: another one for the next try. */
  moveOn(box: Box): void {
    // The address that is not free stays taken under a name that nobody asks for.
    this.#addresses.release(box.spec.id);
    this.#addresses.keep(`foreign ${box.address}`, box.address);
    this.#known.set(box.spec.id, { ...box, address: this.#addresses.take(box.spec.id) });
  }

  close(id: string): void {
    this.#known.delete(id);
    this.#addresses.release(id);
  }

  get(id: string): Box | undefined {
    return this.#known.get(id);
  }

  all(): readonly Box[] {
    return [...this.#known.values()];
  }
}
