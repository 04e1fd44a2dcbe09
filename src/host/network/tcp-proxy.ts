import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../base/env.ts';
import type { Backend } from '../../network/dataplane.ts';
import type { BackendChoice } from './backend-choice.ts';
import type { Listening, Place, Resolve } from './listening.ts';

/** A backend that does not answer at all is left for the next one after this long. */
const connectTimeoutMs = 2_000;

export interface ProxyDevices {
  readonly clock: Clock;
  readonly resolve: Resolve;
}

/** Joins every connection at one address to one backend, byte for byte. */
export class TcpProxy implements Listening {
  readonly #server: Server;
  readonly #choice: BackendChoice;
  readonly #devices: ProxyDevices;
  readonly #sockets = new Set<Socket>();

  constructor(choice: BackendChoice, devices: ProxyDevices) {
    this.#choice = choice;
    this.#devices = devices;
    // Half-open: whoever has sent everything may still wait for the answer.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#serve(client));
  }

  listen({ host, port }: Place): Promise<Place> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, exclusive: true, backlog: 511 }, () => {
        this.#server.removeListener('error', reject);
        // Running out of file descriptors at accept is reported here; the listener itself lives on.
        this.#server.on('error', () => {});
        const address = this.#server.address();
        resolve({ host, port: typeof address === 'object' && address ? address.port : port });
      });
    });
  }

  /** Nobody new; who is connected stays until done. */
  stopAccepting(drained: () => void): void {
    this.#server.close(drained);
  }

  close(): void {
    this.#server.close(() => {});
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(client: Socket): void {
    this.#follow(client);
    // An error is always followed by 'close', which is where it is dealt with.
    client.on('error', () => {});
    const who = client.remoteAddress ?? '';
    const [...left] = this.#choice.order(who);
    const tryNext = (): void => {
      const backend = left.shift();
      if (client.destroyed) return;
      if (!backend) {
        client.resetAndDestroy();
        return;
      }
      this.#connect(backend, client, (upstream) => {
        if (!upstream) return tryNext();
        this.#choice.met(who, backend);
        join(client, upstream);
      });
    };
    tryNext();
  }

  #connect(backend: Backend, client: Socket, done: (upstream: Socket | undefined) => void): void {
    const place = this.#devices.resolve(backend.ip, backend.port);
    const upstream = connect({ ...place, allowHalfOpen: true, noDelay: true });
    this.#follow(upstream);
    let settled = false;
    const settle = (connected: boolean): void => {
      if (settled) return;
      settled = true;
      cancel();
      client.removeListener('close', giveUp);
      if (!connected) upstream.destroy();
      done(connected ? upstream : undefined);
    };
    const giveUp = (): void => settle(false);
    const cancel = this.#devices.clock.after(connectTimeoutMs, giveUp);
    client.once('close', giveUp);
    upstream.once('connect', () => settle(true));
    upstream.on('error', giveUp);
  }

  #follow(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}

function join(client: Socket, upstream: Socket): void {
  // pipe passes on the end of each direction alone; what breaks one side has to break the other too.
  client.pipe(upstream);
  upstream.pipe(client);
  breakTogether(client, upstream);
  breakTogether(upstream, client);
}

function breakTogether(from: Socket, to: Socket): void {
  from.once('close', (failed) => {
    if (to.destroyed || (!failed && from.readableEnded && from.writableFinished)) return;
    // A reset must not look like a complete answer.
    if (failed) to.resetAndDestroy();
    else to.destroy();
  });
}
