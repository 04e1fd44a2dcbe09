import { isFinished, type Pod } from '../api/kinds/pod.ts';
import { type Component, type Env, type Millis, sleep } from '../base/env.ts';
import type { Stop } from '../base/stop.ts';
import { type Choice, chosen, conditionOfSignal, type PodUse, type Signals } from './eviction.ts';
import type { EvictionSettings } from './eviction-settings.ts';
import type { ImageCollector } from './image-collector.ts';
import { measuredVolumes, overLimit } from './local-storage.ts';
import { parseContainerId } from './pod-view.ts';
import type { Usage } from './runtime.ts';
import { ShortageMemory } from './shortages.ts';
import type { VolumeHost } from './volumes.ts';

const lookMs = 10_000;
/** While something is short. */
const hurryMs = 1_000;
/** A node that runs short cannot wait for long. */
const evictionGraceMs = 1_000;
const collectMs = 60_000;

/** What this machine has left. */
export interface NodeSignals {
  read(): Promise<Signals>;
  cpuNanos(): Promise<number | undefined>;
}
export interface PressureParts {
  readonly env: Env;
  readonly node: string;
  readonly signals: NodeSignals;
  readonly settings: EvictionSettings;
  readonly volumes?: VolumeHost;
  pods(): readonly Pod[];
  usage(): Promise<readonly Usage[]>;
  readonly images: ImageCollector;
  evict(choice: Choice, graceMs: Millis): void;
  told(conditions: ReadonlySet<string>): void;
}

/** Watches what the node has left. Where it runs short it says so, and sends pods away, one at a time. */
export class NodePressure implements Component {
  readonly name: string;
  readonly #parts: PressureParts;
  readonly #memory: ShortageMemory;
  readonly #leaving = new Set<string>();
  #collectAt: Millis = 0;

  constructor(parts: PressureParts) {
    this.#parts = parts;
    this.#memory = new ShortageMemory(parts.settings);
    this.name = `pressure/${parts.node}`;
  }

  async run(stop: Stop): Promise<void> {
    const { env, node } = this.#parts;
    while (!stop.stopped) {
      let short = false;
      try {
        short = await this.#look();
      } catch (error) {
        env.log.error('what the node has left could not be read', { node, error: String(error) });
      }
      await sleep(env.clock, short ? hurryMs : lookMs, stop).catch(() => {});
    }
  }

  async #look(): Promise<boolean> {
    await this.#checkLimits();
    const signals = await this.#parts.signals.read();
    const { conditions, any, urgent } = this.#memory.look(signals, this.#parts.env.clock.monotonic());
    if (this.#collectAt <= this.#parts.env.clock.monotonic()) {
      this.#collectAt = this.#parts.env.clock.monotonic() + collectMs;
      await this.#parts.images.look(signals);
    }
    this.#parts.told(conditions);
    const [first] = urgent;
    if (!first) return any;
    const isDisk = conditionOfSignal(first.signal) === 'DiskPressure';
    if (isDisk && (await this.#parts.images.reclaim())) return true;
    // Whoever leaves frees something: nobody else goes before that is seen.
    for (const uid of this.#leaving)
      if (!this.#running().some((pod) => pod.metadata.uid === uid)) this.#leaving.delete(uid);
    if (this.#leaving.size > 0) return true;
    const useOf = await this.#uses(isDisk);
    const choice = chosen(first, this.#running(), (pod) => useOf.get(pod.metadata.uid));
    if (choice) this.#evict(choice, first.isSoft ? this.#parts.settings.podGraceMs : evictionGraceMs);
    return true;
  }

  #evict(choice: Choice, graceMs: Millis): void {
    this.#leaving.add(choice.pod.metadata.uid);
    this.#parts.evict(choice, graceMs);
  }

  #running(): readonly Pod[] {
    return this.#parts.pods().filter((pod) => !isFinished(pod));
  }

  /** Pods that fill their own volumes go whatever the node has left. */
  async #checkLimits(): Promise<void> {
    const { volumes } = this.#parts;
    if (!volumes) return;
    for (const pod of this.#running()) {
      const names = measuredVolumes(pod);
      if (names.length === 0 || pod.metadata.deletionTimestamp) continue;
      const sizes = new Map<string, number>();
      for (const name of names) sizes.set(name, await volumes.bytesIn(pod.metadata.uid, name));
      const message = overLimit(pod, sizes);
      if (message !== undefined) this.#parts.evict({ pod, message }, evictionGraceMs);
    }
  }

  async #uses(withDisk: boolean): Promise<ReadonlyMap<string, PodUse>> {
    const found = new Map<string, PodUse>();
    for (const { id, memoryBytes, processes = 0 } of await this.#parts.usage()) {
      const { uid, name } = parseContainerId(id);
      const known = found.get(uid) ?? { memoryBytes: 0, diskBytes: 0, processes: 0, containers: new Map() };
      found.set(uid, {
        ...known,
        memoryBytes: known.memoryBytes + memoryBytes,
        processes: known.processes + processes,
        containers: new Map([...known.containers, [name, memoryBytes]]),
      });
    }
    if (!withDisk || !this.#parts.volumes) return found;
    for (const [uid, use] of found) found.set(uid, { ...use, diskBytes: await this.#parts.volumes.bytesIn(uid) });
    return found;
  }
}
