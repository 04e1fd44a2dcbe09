import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { Cancel, Env } from '../../base/env.ts';
import { type Dataplane, type Route, serviceText } from '../../network/dataplane.ts';

const againMs = 5_000;

interface Claim {
  /** Undefined: the port is somebody else's. */
  readonly release: (() => void) | undefined;
}

/**
 * Takes the ports of this machine's own address before the kernel leads them to a service: one that a program listens
 * at already stays that program's. Nobody ever connects to the sockets that hold them.
 */
export class ClaimedPorts implements Dataplane {
  readonly #env: Env;
  readonly #inner: Dataplane;
  readonly #claims = new Map<string, Claim>();
  #turn: Promise<void> = Promise.resolve();
  #wanted: readonly Route[] = [];
  #retry: Cancel | undefined;
  #closed = false;

  constructor(env: Env, inner: Dataplane) {
    this.#env = env;
    this.#inner = inner;
  }

  replace(table: readonly Route[]): Promise<void> {
    const turn = this.#turn.then(() => this.#replace(table));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#retry?.();
    await this.#turn;
    for (const { release } of this.#claims.values()) release?.();
    this.#claims.clear();
  }

  async #replace(table: readonly Route[]): Promise<void> {
    if (this.#closed) return;
    this.#wanted = table;
    const local = table.filter(isLocal);
    const keys = new Set(local.map(keyOf));
    for (const route of local) await this.#claim(route);
    await this.#inner.replace(table.filter((route) => !isLocal(route) || this.#claims.get(keyOf(route))?.release));
    // Only once nothing leads there any more may somebody else have the port.
    for (const [key, { release }] of this.#claims) {
      if (keys.has(key)) continue;
      this.#claims.delete(key);
      release?.();
    }
    const waits = local.some((route) => !this.#claims.get(keyOf(route))?.release);
    if (waits) this.#retry ??= this.#env.clock.after(againMs, () => this.#again());
  }

  #again(): void {
    this.#retry = undefined;
    this.replace(this.#wanted).catch((error: unknown) =>
      this.#env.log.error('ports of services could not be taken', { error: String(error) }),
    );
  }

  async #claim(route: Route): Promise<void> {
    const key = keyOf(route);
    const known = this.#claims.get(key);
    if (known?.release) return;
    const release = await hold(route).catch((error: unknown) => {
      if (known) return undefined;
      const fields = { service: serviceText(route), address: `${route.vip}:${route.port}`, error: String(error) };
      this.#env.log.error('a port of this machine is taken: the service is not led to from there', fields);
      return undefined;
    });
    this.#claims.set(key, { release });
  }
}

const isLocal = ({ vip, scope }: Route): boolean => scope === 'balancer' && vip.startsWith('127.');
const keyOf = ({ protocol, vip, port }: Route): string => `${protocol} ${vip} ${port}`;

function hold({ protocol, vip: host, port }: Route): Promise<() => void> {
  return new Promise((resolve, reject) => {
    if (protocol === 'UDP') {
      const socket = createSocket('udp4');
      socket.once('error', reject);
      socket.bind({ address: host, port, exclusive: true }, () => resolve(() => socket.close()));
      return;
    }
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => resolve(() => server.close()));
  });
}
