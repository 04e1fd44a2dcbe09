import type { TLSSocket } from 'node:tls';
import type { Identity } from './caller.ts';
import { deadlines } from './limits.ts';
import { type ConnectionDeps, PlainConnection } from './plain-connection.ts';

/** Often enough for the shortest deadline. */
const lookMs = deadlines.headersMs / 8;
const looks = (deadline: number): number => Math.ceil(deadline / lookMs);

interface Deps extends Omit<ConnectionDeps, 'identity' | 'handOver'> {
  readonly handOver: (socket: TLSSocket, rest: Buffer) => void;
}

/** All plain connections. One timer looks for those that are idle for too long: none has a timer of its own. */
export class PlainConnections {
  readonly #deps: Deps;
  readonly #open = new Set<PlainConnection>();
  #looking: NodeJS.Timeout | undefined;
  #closing = false;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  add(socket: TLSSocket, identity: Identity): void {
    const { handOver, ...shared } = this.#deps;
    const connection = new PlainConnection(socket, {
      ...shared,
      identity,
      handOver: (rest) => {
        this.#open.delete(connection);
        handOver(socket, rest);
      },
    });
    if (this.#closing) connection.end();
    this.#open.add(connection);
    socket.once('close', () => this.#open.delete(connection));
    this.#looking ??= setInterval(() => this.#look(), lookMs).unref();
  }

  /** Those that have nothing to do end now, the others after what they do. */
  close(): void {
    this.#closing = true;
    clearInterval(this.#looking);
    for (const connection of this.#open) connection.end();
  }

  #look(): void {
    for (const connection of this.#open) {
      if (!connection.isIdle) continue;
      connection.idleLooks++;
      const deadline = connection.hasAsked ? deadlines.idleMs : deadlines.headersMs;
      if (connection.idleLooks > looks(deadline)) connection.cut();
    }
  }
}
