import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { dirname } from 'node:path';
import { makeFolder, readRecord, writeRecord } from './record.ts';

/** Who gives a pod its address, and says where one of its ports is really heard. */
export interface Addresses {
  /** Whether a process can listen on the address it is given. */
  readonly real: boolean;
  /** Idempotent by id: the same address again, put right on the machine if it went missing. */
  allocate(id: string, ports?: readonly number[]): Promise<string>;
  release(id: string): Promise<void>;
  /** Whoever has an address now, so that those of forgotten pods can be released. */
  holders(): readonly string[];
  portFor(ip: string, containerPort: number): number;
}

export interface AddressOptions {
  /** Where they are remembered: in the data folder. */
  readonly file: string;
  /** The node's pod CIDR, IPv4. */
  readonly cidr: string;
}

/** Linux and root: every pod has an address of its own on the loopback device, and its ports are as declared. */
export class RealAddresses implements Addresses {
  readonly real = true;
  readonly #ledger: Ledger;
  readonly #run: (args: readonly string[]) => Promise<void>;

  constructor(options: AddressOptions, run: (args: readonly string[]) => Promise<void> = ipCommand) {
    this.#ledger = new Ledger(options);
    this.#run = run;
  }

  async allocate(id: string): Promise<string> {
    const held = this.#ledger.get(id);
    if (held !== undefined) {
      await this.#add(held.ip, id);
      return held.ip;
    }
    for (let tries = 0; tries < this.#ledger.usable; tries++) {
      // Written down before it is put on the device: an address nobody knows of would stay for ever.
      const { ip } = this.#ledger.take(id);
      if (await this.#add(ip, id)) return ip;
      // Another cluster of this machine has it: two pods that listen at one port of it would be in each other's way.
      this.#ledger.drop(id);
    }
    throw new Error(`all ${this.#ledger.usable} pod addresses of this node are on this machine already`);
  }

  /** False: it was there before. */
  async #add(ip: string, id: string): Promise<boolean> {
    try {
      await this.#run(['addr', 'add', `${ip}/32`, 'dev', 'lo']);
      return true;
    } catch (cause) {
      if (!isThere.test(String(cause))) throw new Error(`add address ${ip} for ${id}`, { cause });
      return false;
    }
  }

  async release(id: string): Promise<void> {
    const held = this.#ledger.get(id);
    if (held === undefined) return;
    await this.#run(['addr', 'del', `${held.ip}/32`, 'dev', 'lo']).catch((cause: unknown) => {
      if (!isGone.test(String(cause))) throw new Error(`remove address ${held.ip}`, { cause });
    });
    this.#ledger.drop(id);
  }

  holders(): readonly string[] {
    return this.#ledger.holders();
  }

  portFor(_ip: string, containerPort: number): number {
    return containerPort;
  }
}

/** An address that this machine is to have, whoever else wants it too. */
export async function keepLoopbackAddress(ip: string): Promise<void> {
  if (networkInterfaces()['lo']?.some(({ address }) => address === ip)) return;
  await ipCommand(['addr', 'add', `${ip}/32`, 'dev', 'lo']).catch((cause: unknown) => {
    if (!isThere.test(String(cause))) throw new Error(`add address ${ip}`, { cause });
  });
}

export async function dropLoopbackAddress(ip: string): Promise<void> {
  await ipCommand(['addr', 'del', `${ip}/32`, 'dev', 'lo']).catch((cause: unknown) => {
    if (!isGone.test(String(cause))) throw new Error(`remove address ${ip}`, { cause });
  });
}

const isThere = /File exists|already assigned/;
const isGone = /Cannot assign|not found/;

/** Below the ports that systems give to outgoing connections, so that none of those is in the way. */
const localPortFirst = 20_000;
const localPortCount = 12_000;

/** Without root: the address is only a name, and every declared port is a free local one on 127.0.0.1. */
export class NamedAddresses implements Addresses {
  readonly real = false;
  readonly #ledger: Ledger;

  constructor(options: AddressOptions) {
    this.#ledger = new Ledger(options);
  }

  async allocate(id: string, ports: readonly number[] = []): Promise<string> {
    const held = this.#ledger.take(id);
    for (const port of ports) {
      if (this.#ledger.portOf(held.ip, port) === undefined) this.#ledger.map(id, port, await this.#freePort());
    }
    return held.ip;
  }

  async release(id: string): Promise<void> {
    this.#ledger.drop(id);
  }

  holders(): readonly string[] {
    return this.#ledger.holders();
  }

  /** A port that was not declared could not be told to the process: it listens on the port itself. */
  portFor(ip: string, containerPort: number): number {
    return this.#ledger.portOf(ip, containerPort) ?? containerPort;
  }

  async #freePort(): Promise<number> {
    for (let tries = 0; tries < localPortCount; tries++) {
      const port = localPortFirst + (this.#ledger.nextPort() % localPortCount);
      if (!this.#ledger.isMapped(port) && (await isFree(port))) return port;
    }
    throw new Error(`no free local port from ${localPortFirst} to ${localPortFirst + localPortCount - 1}`);
  }
}

interface Held {
  readonly ip: string;
  readonly ports: Readonly<Record<string, number>>;
}

interface LedgerRecord {
  readonly held: Readonly<Record<string, Held>>;
  readonly nextAddress: number;
  readonly nextPort: number;
}

/** Who holds what, on disk before it is told to anybody. Addresses go round, so that none is used again at once. */
class Ledger {
  readonly #file: string;
  readonly #base: number;
  /** The first two addresses are the network and its gateway, the last one is broadcast. */
  readonly usable: number;
  readonly #held: Map<string, Held>;
  #nextAddress: number;
  #nextPort: number;

  constructor(options: AddressOptions) {
    this.#file = options.file;
    const [base, count] = parseCidr(options.cidr);
    this.#base = base;
    this.usable = count - 3;
    const record = readRecord<LedgerRecord>(options.file);
    this.#held = new Map(Object.entries(record?.held ?? {}));
    this.#nextAddress = record?.nextAddress ?? 0;
    // Two clusters on one machine begin at different places.
    this.#nextPort = record?.nextPort ?? placeOf(options.file);
  }

  get(id: string): Held | undefined {
    return this.#held.get(id);
  }

  take(id: string): Held {
    const known = this.#held.get(id);
    if (known !== undefined) return known;
    const used = new Set([...this.#held.values()].map((one) => one.ip));
    for (let tries = 0; tries < this.usable; tries++) {
      const ip = dotted(this.#base + 2 + (this.#nextAddress++ % this.usable));
      if (used.has(ip)) continue;
      const held: Held = { ip, ports: {} };
      this.#held.set(id, held);
      this.#save();
      return held;
    }
    throw new Error(`all ${this.usable} pod addresses of this node are taken`);
  }

  map(id: string, containerPort: number, localPort: number): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    this.#held.set(id, { ...held, ports: { ...held.ports, [containerPort]: localPort } });
    this.#save();
  }

  drop(id: string): void {
    if (this.#held.delete(id)) this.#save();
  }

  holders(): readonly string[] {
    return [...this.#held.keys()];
  }

  portOf(ip: string, containerPort: number): number | undefined {
    for (const one of this.#held.values()) if (one.ip === ip) return one.ports[containerPort];
    return undefined;
  }

  isMapped(port: number): boolean {
    return [...this.#held.values()].some((one) => Object.values(one.ports).includes(port));
  }

  nextPort(): number {
    return this.#nextPort++;
  }

  #save(): void {
    makeFolder(dirname(this.#file));
    const held = Object.fromEntries(this.#held);
    writeRecord(this.#file, { held, nextAddress: this.#nextAddress, nextPort: this.#nextPort } satisfies LedgerRecord);
  }
}

function parseCidr(cidr: string): readonly [base: number, count: number] {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(cidr);
  const prefix = Number(match?.[5]);
  if (match === null || prefix < 8 || prefix > 29) throw new Error(`${cidr} is no IPv4 pod CIDR from /8 to /29`);
  const count = 2 ** (32 - prefix);
  const address = match.slice(1, 5).reduce((sum, part) => sum * 256 + Number(part), 0);
  return [address - (address % count), count];
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

function placeOf(text: string): number {
  let place = 0;
  for (let i = 0; i < text.length; i++) place = (place * 31 + text.charCodeAt(i)) % localPortCount;
  return place;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function ipCommand(args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('ip', [...args], (error, _out, text) => {
      if (error === null) resolve();
      else reject(new Error(text.trim() || error.message));
    });
  });
}
