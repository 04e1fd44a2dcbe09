import { readFileSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import { parseContainerId } from '../../../agent/pod-view.ts';
import type {
  ContainerSpec,
  ExecIo,
  ExecPart,
  LogOptions,
  Resources,
  Runtime,
  RuntimeList,
  SandboxSpec,
  Usage,
} from '../../../agent/runtime.ts';
import type { Duplex } from '../../../api/wire.ts';
import type { Env, Log, Millis } from '../../../base/env.ts';
import { type Hint, Hints } from '../../../base/hints.ts';
import type { Stop } from '../../../base/stop.ts';
import { connectTcp } from '../process/tcp.ts';
import { type Identity, ImageAccounts, identityOf } from './accounts.ts';
import { PodAddresses } from './addresses.ts';
import { attachTo } from './attach.ts';
import { type Box, Boxes, isSandbox } from './boxes.ts';
import { type CreateBody, containerBody, type Namespaces, resourcesOf, sandboxBody } from './container-config.ts';
import type { Engine } from './engine.ts';
import { type EngineClient, EngineError, isEngineError } from './engine-client.ts';
import { execInside } from './exec.ts';
import { piecesOf } from './frames.ts';
import { Holds } from './holds.ts';
import { containerLabels, engineName, label, networkName, type Owner, sandboxLabels } from './identity.ts';
import { checkReference, DockerImages } from './images.ts';
import { Inventory, type Seen } from './inventory.ts';
import { ensureNetwork, removeNetwork } from './network.ts';
import { ForeignProcess, OwnLinks } from './own-links.ts';
import { ensurePauseImage, pauseImage } from './pause-image.ts';
import { PulledImages } from './pulled-images.ts';
import { ResolverFiles } from './resolver-files.ts';
import { isPrivileged, needsImageUser, ProfileError, type ProfileReader, wantedIdentity } from './security.ts';
import { Turns } from './turns.ts';
import { usageOf } from './usage.ts';
import { Withheld } from './withheld.ts';

export interface DockerRuntimeOptions {
  readonly engine: Engine;
  readonly owner: Owner;
  /** Of the whole cluster: one network of the engine. */
  readonly podRange: string;
  /** The node's part of it. */
  readonly nodeRange: string;
  /** The first addresses of the node's part that are not ours to give. */
  readonly reserved: number;
  /** The node's own address, for pods of the host network. */
  readonly hostIp: string;
  /** For files of pods that the engine mounts. Without it, names are the engine's own affair. */
  readonly folder?: string;
  /** Where it is kept until when pods may run of which there must never be two. Without it, nobody ends them. */
  readonly holdFile?: string;
  /** Where it is kept which images came for this node. */
  readonly pulledFile?: string;
  /** Where profiles of seccomp are, by name. */
  readonly profileFolder?: string;
}

/** An engine that makes many containers at a time has each of them later, and all of them not sooner. */
const turnsAtOnce = 8;

/**
 * Lives in the network as the engine sees it, and does nothing. Links of our own are unseen: without it, the engine
 * would take the network for one that nobody needs, and clear it away with others when its user asks for that.
 */
const keeper: SandboxSpec = {
  id: 'keeper',
  namespace: '',
  name: 'keeper',
  uid: 'keeper',
  hostname: 'keeper',
  hostNetwork: false,
  dns: { servers: [], searches: [], options: [] },
  ports: [],
  sysctls: {},
};

/** Of an image that has its own, told once the container runs. */
const unknownSignal = 'SIGTERM';

/** Runs pods as containers of a Docker engine, or of one that speaks its language. */
export class DockerRuntime implements Runtime {
  readonly name = 'docker';
  readonly hasOwnFiles = true;
  readonly mountsRecursively: boolean;
  readonly holdsToProfiles: boolean;
  /** It takes users and groups by number, and adds none of its own then. */
  readonly leavesOutGroups = true;
  readonly images: DockerImages;
  /** Only an engine of this machine can be told by a process beside the agent. */
  readonly holdFor?: (sandbox: string, ms: Millis) => Promise<void>;
  readonly #holds: Holds | undefined;
  readonly #options: DockerRuntimeOptions;
  readonly #client: EngineClient;
  readonly #log: Log;
  readonly #inventory: Inventory;
  readonly #boxes: Boxes;
  readonly #files: ResolverFiles | undefined;
  readonly #accounts: ImageAccounts;
  readonly #turns = new Turns(turnsAtOnce);
  readonly #hints = new Hints();
  readonly #withheld: Withheld;
  #network: Promise<string> | undefined;
  #links: Promise<OwnLinks | undefined> | undefined;
  #keeping: Promise<void> | undefined;

  constructor(env: Env, options: DockerRuntimeOptions) {
    this.#options = options;
    this.#client = options.engine.client;
    this.#log = env.log;
    this.#withheld = new Withheld(options.engine);
    this.mountsRecursively = options.engine.mountsRecursively ?? false;
    this.holdsToProfiles = options.engine.appArmor ?? false;
    this.#inventory = new Inventory(env, this.#client, options.owner, ({ state }) => this.#hints.give(state.id));
    this.#accounts = new ImageAccounts(this.#client);
    this.#boxes = new Boxes(new PodAddresses(options.nodeRange, options.reserved));
    this.#files = options.folder === undefined ? undefined : new ResolverFiles(options.folder);
    const { address } = this.#client;
    const isNear = 'socketPath' in address && process.platform !== 'win32';
    const holds =
      isNear && options.holdFile ? new Holds(options.holdFile, address.socketPath, options.owner) : undefined;
    if (holds) this.holdFor = (sandbox, ms) => holds.hold(sandbox, ms);
    this.#holds = holds;
    const { pulledFile } = options;
    this.images = new DockerImages(this.#client, pulledFile === undefined ? undefined : new PulledImages(pulledFile));
  }

  /** Makes what all pods need, so that what cannot work is said at the start. */
  async prepare(): Promise<void> {
    const [all] = await Promise.all([this.#all(), this.#ensureNetwork()]);
    // Of a sandbox that was only begun nobody knows any more: an agent before this one died over it.
    const used = new Set(all.filter((seen) => !isSandbox(seen) || isHeld(seen)).map(({ state }) => state.sandbox));
    const begun = all.filter(({ state }) => !used.has(state.sandbox));
    await Promise.all(begun.map(({ state }) => this.closeSandbox(state.sandbox)));
  }

  async openSandbox(
    spec: SandboxSpec,
    planned: readonly { readonly name: string }[],
  ): Promise<{ readonly ips: readonly string[] }> {
    const all = await this.#all();
    const links = await this.#linksFor(spec);
    const alone = planned.length === 1 && !spec.shareProcesses && !links;
    const box = this.#boxes.open(spec, { alone, hostIp: this.#options.hostIp });
    if (!box.alone) {
      if (links) this.#keep(all);
      await this.#hold(box, all, links);
    }
    return { ips: [box.address] };
  }

  async closeSandbox(id: string): Promise<void> {
    const inside = (await this.#all()).filter(({ state }) => state.sandbox === id);
    await Promise.all(inside.map((seen) => this.#remove(seen)));
    this.#boxes.close(id);
    this.#holds?.release(id);
    this.#files?.remove(id);
  }

  async create(spec: ContainerSpec): Promise<void> {
    checkReference(spec.image);
    const all = await this.#all();
    if (all.some(({ state }) => state.id === spec.id)) return;
    const box = this.#boxes.get(spec.sandbox);
    if (!box) throw new Error(`create ${spec.id}: there is no sandbox ${spec.sandbox}`);
    const namespaces = this.#namespaces(box, all, spec.target);
    const holds = 'holds' in namespaces ? { [label.spec]: JSON.stringify(box.spec) } : {};
    const labels = { ...containerLabels(this.#options.owner, spec, box), ...holds };
    const imageUser = needsImageUser(spec) ? await this.images.userOf(spec.image) : '';
    const whole = this.#files ? this.#files.into(spec, box.spec) : spec;
    const withheld = isPrivileged(spec) ? await this.#withheld.names() : [];
    const machine = { profile: this.#profile, mountsRecursively: this.mountsRecursively, withheld };
    const identity = await this.#identityOf(spec, imageUser);
    await this.#create(spec.id, containerBody(whole, namespaces, { labels, imageUser, machine, ...identity }));
  }

  async start(id: string): Promise<void> {
    const seen = await this.#inventory.find(id);
    if (!seen) throw new Error(`start ${id}: there is no such container`);
    if (this.#holds?.isOver(seen.state.sandbox)) throw new Error('nobody has said for too long that this pod may run');
    // Each attempt is a container of its own: one that has run is never run again.
    if (seen.state.state === 'created') await this.#start(seen);
  }

  async stop(id: string, grace: Millis): Promise<void> {
    const seen = await this.#inventory.find(id);
    if (seen?.state.state !== 'running') return;
    const { engineId, stopSignal } = seen;
    const over = this.#client
      .late('POST', `/containers/${engineId}/wait`, { query: { condition: 'not-running' } })
      .catch(unless(404));
    if (grace > 0) await this.#kill(engineId, stopSignal);
    if (grace <= 0 || (await isLate(over, grace))) await this.#kill(engineId, 'SIGKILL');
    await over;
    await this.#inventory.look(engineId);
  }

  async remove(id: string): Promise<void> {
    const seen = await this.#inventory.find(id);
    if (seen) await this.#remove(seen);
  }

  async update(id: string, resources: Resources): Promise<void> {
    const seen = await this.#inventory.find(id);
    if (!seen) throw new Error(`update ${id}: there is no such container`);
    await this.#client.json('POST', `/containers/${seen.engineId}/update`, { body: resourcesOf(resources) });
    await this.#inventory.look(seen.engineId);
  }

  async list(): Promise<RuntimeList> {
    const all = await this.#all();
    const held = new Set(all.filter((seen) => isSandbox(seen) && isHeld(seen)).map(({ state }) => state.sandbox));
    const open = this.#boxes.all().filter(({ spec, alone }) => spec.id !== keeper.id && (alone || held.has(spec.id)));
    return {
      sandboxes: open.map(({ spec, address }) => ({ id: spec.id, ips: [address] })),
      containers: all.filter((seen) => !isSandbox(seen)).map(({ state }) => state),
    };
  }

  events(stop: Stop): AsyncGenerator<Hint> {
    return this.#hints.listen(stop);
  }

  async *logs(id: string, options: LogOptions, stop: Stop): AsyncGenerator<Uint8Array> {
    const seen = await this.#inventory.find(id);
    if (!seen) throw new Error(`logs of ${id}: there is no such container`);
    const query = {
      stdout: true,
      stderr: true,
      follow: options.follow,
      timestamps: options.timestamps,
      tail: options.tail ?? 'all',
      ...(options.since === undefined ? {} : { since: (options.since / 1000).toFixed(3) }),
    };
    const stream = await this.#client.stream('GET', `/containers/${seen.engineId}/logs`, { query });
    const forget = stop.onStop(() => stream.destroy());
    try {
      for await (const { bytes } of piecesOf(stream, seen.tty)) yield bytes;
    } catch (error) {
      if (!stop.stopped) throw error;
    } finally {
      forget();
      stream.destroy();
    }
  }

  async *exec(id: string, command: readonly string[], io: ExecIo, stop: Stop): AsyncGenerator<ExecPart> {
    const seen = await this.#inventory.find(id);
    if (seen?.state.state !== 'running') throw new Error(`exec in ${id}: the container is not running`);
    yield* execInside({ client: this.#client, engineId: seen.engineId }, command, io, stop);
  }

  async *attach(id: string, io: ExecIo, stop: Stop): AsyncGenerator<ExecPart> {
    const seen = await this.#inventory.find(id);
    if (seen?.state.state !== 'running') throw new Error(`attach to ${id}: the container is not running`);
    yield* attachTo({ client: this.#client, engineId: seen.engineId, tty: seen.tty }, io, stop);
  }

  async connect(sandbox: string, port: number, stop?: Stop): Promise<Duplex> {
    await this.#all();
    const box = this.#boxes.get(sandbox);
    if (!box) throw new Error(`connect to ${sandbox}: there is no such sandbox`);
    const place = this.resolve(box.address, port);
    return connectTcp(place.host, place.port, stop);
  }

  async usage(): Promise<readonly Usage[]> {
    const running = (await this.#all()).filter((seen) => !isSandbox(seen) && isRunning(seen));
    return usageOf(
      this.#client,
      running.map(({ state, engineId, pid }) => ({ id: state.id, engineId, ...(pid ? { pid } : {}) })),
      this.#options.engine.reachable,
    );
  }

  /** Where a pod's port is really heard: its address, or where the engine publishes it on this machine. */
  resolve(ip: string, port: number): { readonly host: string; readonly port: number } {
    if (this.#options.engine.reachable || ip === this.#options.hostIp) return { host: ip, port };
    const holder = this.#inventory
      .known()
      .find((seen) => seen.labels[label.address] === ip && seen.published.has(port));
    return holder ? { host: '127.0.0.1', port: holder.published.get(port) as number } : { host: ip, port };
  }

  /** Lets go of the containers, which run on. */
  leave(): void {
    this.#inventory.close();
    this.#hints.close();
  }

  /** For the last node of a cluster that ends: the network goes, and the image that nobody else uses. */
  async tidy(): Promise<void> {
    await this.#keeping;
    await this.closeSandbox(keeper.id);
    await removeNetwork(this.#client, this.#options.owner.cluster);
    await this.images.remove(pauseImage).catch(unless(409));
  }

  async #all(): Promise<readonly Seen[]> {
    const all = await this.#inventory.all();
    this.#boxes.adopt(all);
    return all;
  }

  readonly #profile: ProfileReader = (name) => {
    const { profileFolder: folder } = this.#options;
    const path = folder === undefined ? undefined : resolve(folder, name);
    if (folder === undefined || !path?.startsWith(`${resolve(folder)}${sep}`))
      throw new ProfileError(name, 'there is none');
    try {
      return JSON.stringify(JSON.parse(readFileSync(path, 'utf8')));
    } catch (error) {
      throw new ProfileError(name, error instanceof Error ? error.message : String(error));
    }
  };

  #ensureNetwork(): Promise<string> {
    const { owner, podRange } = this.#options;
    this.#network ??= ensureNetwork(this.#client, owner.cluster, podRange).catch((error: unknown) => {
      this.#network = undefined;
      throw error;
    });
    return this.#network;
  }

  /** Who links a pod: we do where that is better and can be done, and the engine everywhere else. */
  async #linksFor(spec: SandboxSpec): Promise<OwnLinks | undefined> {
    const network = await this.#ensureNetwork();
    if (!this.#files || !OwnLinks.fits(spec)) return undefined;
    this.#links ??= OwnLinks.of(this.#options.engine, network);
    return this.#links;
  }

  /** Pods do not wait for it, and live without it. */
  #keep(all: readonly Seen[]): void {
    const box = this.#boxes.open(keeper, { alone: false, hostIp: this.#options.hostIp });
    this.#keeping ??= this.#hold(box, all)
      .catch((error: unknown) => this.#log.debug('nobody keeps the network of pods', { error: String(error) }))
      .finally(() => (this.#keeping = undefined));
  }

  /** The container that holds a pod's namespaces: there, and running. */
  async #hold(box: Box, all: readonly Seen[], links?: OwnLinks): Promise<void> {
    const { id } = box.spec;
    const holder = all.find((seen) => seen.state.id === id);
    if (holder && isHeld(holder)) return;
    // What still runs lives in namespaces that nobody else will ever join.
    const left = all.filter((seen) => seen.state.sandbox === id && isRunning(seen));
    await Promise.all(left.map(({ state }) => this.stop(state.id, 0)));
    if (holder) await this.#remove(holder);
    await ensurePauseImage(this.#options.engine);
    const labels = { ...sandboxLabels(this.#options.owner, box), ...(links ? { [label.ownLink]: 'true' } : {}) };
    const namespaces = { ...this.#holding(box), ownLink: links !== undefined };
    const made = await this.#create(id, sandboxBody(namespaces, pauseImage, labels));
    await this.#start(made);
    if (links) await this.#link(links, made, box.address);
  }

  async #link(links: OwnLinks, holder: Seen, address: string): Promise<void> {
    try {
      const pid = (await this.#inventory.find(holder.state.id))?.pid;
      if (pid === undefined) throw new Error(`what holds sandbox ${holder.state.sandbox} has ended at once`);
      await links.make(holder.engineId, pid, address);
    } catch (error) {
      // From now on the engine does it.
      if (error instanceof ForeignProcess) this.#links = Promise.resolve(undefined);
      await this.#remove(holder);
      throw error;
    }
  }

  #holding(box: Box) {
    const network = networkName(this.#options.owner.cluster);
    return { holds: box.spec, network, address: box.address, publish: !this.#options.engine.reachable };
  }

  #namespaces(box: Box, all: readonly Seen[], target: string | undefined): Namespaces {
    const inside = all.filter((seen) => seen.state.sandbox === box.spec.id && isRunning(seen));
    // In a pod that is its own sandbox a further container, for debugging say, joins the one that runs.
    const holder = inside.find((seen) => (box.alone ? seen.labels[label.spec] !== undefined : isSandbox(seen)));
    const seen = target && inside.find(({ state }) => parseContainerId(state.id).name === target)?.engineId;
    const sees = seen ? { sees: seen } : {};
    const { shareProcesses = false, hostPid = false } = box.spec;
    if (holder) return { joins: holder.engineId, shareProcesses, hostPid, ...sees };
    if (box.alone) return this.#holding(box);
    throw new Error(`sandbox ${box.spec.id} does not run`);
  }

  async #identityOf(spec: ContainerSpec, imageUser: string): Promise<{ readonly identity?: Identity }> {
    const wanted = wantedIdentity(spec, imageUser);
    if (wanted === undefined) return {};
    const image = (await this.images.idOf(spec.image)) ?? spec.image;
    return { identity: identityOf(wanted, await this.#accounts.of(image)) };
  }

  /** The name is taken where an answer was lost: then what was asked for is there. */
  async #create(id: string, body: CreateBody): Promise<Seen> {
    const name = engineName(this.#options.owner, id);
    try {
      const call = { query: { name }, body };
      const make = () => this.#client.json<{ readonly Id: string }>('POST', '/containers/create', call);
      const { Id: engineId } = await this.#turns.run(make, 'begins');
      return this.#inventory.made(engineId, body.Labels, { tty: body.Tty === true, stopSignal: unknownSignal });
    } catch (error) {
      if (isEngineError(error, 404)) this.images.doubt();
      if (!isEngineError(error, 409)) throw error;
    }
    const { Id: engineId } = await this.#client.json<{ readonly Id: string }>('GET', `/containers/${name}/json`);
    const seen = await this.#inventory.look(engineId);
    if (!seen) throw new Error(`container ${id} was removed while it was created`);
    return seen;
  }

  async #start({ engineId, state }: Seen): Promise<void> {
    try {
      await this.#turns.run(() => this.#client.json('POST', `/containers/${engineId}/start`), 'finishes');
    } catch (error) {
      const box = this.#boxes.get(state.sandbox);
      // Only the engine's list of addresses says it with a capital letter; a port of the host is another matter.
      if (box && error instanceof EngineError && error.message.startsWith('Address already in use')) {
        this.#boxes.moveOn(box);
      }
      await this.#inventory.look(engineId);
      throw error;
    }
    await this.#inventory.lookUnlessRunning(engineId);
  }

  async #kill(engineId: string, signal: string): Promise<void> {
    await this.#client.json('POST', `/containers/${engineId}/kill`, { query: { signal } }).catch(unless(404, 409));
  }

  async #remove({ engineId }: Seen): Promise<void> {
    try {
      await this.#client.json('DELETE', `/containers/${engineId}`, { query: { force: true, v: true } });
    } catch (error) {
      if (!isEngineError(error, 404, 409)) throw error;
      // It is being removed already; it is gone when that is done.
      await this.#client
        .late('POST', `/containers/${engineId}/wait`, { query: { condition: 'removed' } })
        .catch(unless(404));
    }
    this.#inventory.drop(engineId);
  }
}

const isRunning = ({ state }: Seen): boolean => state.state === 'running';

/** An agent that died may have left one that runs without its link. */
const isHeld = (seen: Seen): boolean =>
  isRunning(seen) && (seen.labels[label.ownLink] === undefined || OwnLinks.isMade(seen.engineId));

const unless =
  (...statuses: readonly number[]) =>
  (error: unknown): void => {
    if (!isEngineError(error, ...statuses)) throw error;
  };

async function isLate(over: Promise<unknown>, afterMs: Millis): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), afterMs);
  });
  return Promise.race([over.then(() => false), late]).finally(() => clearTimeout(timer));
}
