import { createSocket, type Socket } from 'node:dgram';
import type { Cancel } from '../../base/env.ts';
import type { BackendChoice } from './backend-choice.ts';
import type { Listening, Place } from './listening.ts';
import type { ProxyDevices } from './tcp-proxy.ts';

/** Nothing says when a conversation over UDP is over: quiet for this long is over. */
const flowIdleMs = 30_000;
const flowsMax = 4_096;

interface Flow {
  readonly socket: Socket;
  readonly to: Place;
  idle: Cancel;
}

/** Carries datagrams between the clients of one address and its backends, and their answers back. */
export class UdpProxy implements Listening {
  readonly #server: Socket;
  readonly #choice: BackendChoice;
  readonly #devices: ProxyDevices;
  readonly #flows = new Map<string, Flow>();
  #closed = false;

  constructor(choice: BackendChoice, devices: ProxyDevices) {
    this.#choice = choice;
    this.#devices = devices;
    this.#server = createSocket({ type: 'udp4' });
    this.#server.on('message', (bytes, from) => this.#carry(bytes, { host: from.address, port: from.port }));
  }

  listen({ host, port }: Place): Promise<Place> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.bind({ address: host, port, exclusive: true }, () => {
        this.#server.removeListener('error', reject);
        // A client that is gone is told as an error of the whole socket; the others do not care.
        this.#server.on('error', () => {});
        resolve({ host, port: this.#server.address().port });
      });
    });
  }

  /** Datagrams have no connections that could stay: who still waits for an answer loses it. */
  stopAccepting(drained: () => void): void {
    this.close();
    drained();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const client of this.#flows.keys()) this.#drop(client);
    this.#server.close();
  }

  #carry(bytes: Uint8Array, from: Place): void {
    if (this.#closed) return;
    const client = `${from.host} ${from.port}`;
    const known = this.#flows.get(client);
    const flow = known && this.#stillBehind(known) ? known : this.#open(client, from);
    if (!flow) return;
    flow.idle();
    flow.idle = this.#devices.clock.after(flowIdleMs, () => this.#drop(client));
    flow.socket.send(bytes, flow.to.port, flow.to.host, () => {});
  }

  /** A pod that left gets no more datagrams, even of a client that it knows. */
  #stillBehind(flow: Flow): boolean {
    return this.#choice.route.backends.some((backend) => {
      const place = this.#devices.resolve(backend.ip, backend.port);
      return place.host === flow.to.host && place.port === flow.to.port;
    });
  }

  #open(client: string, from: Place): Flow | undefined {
    this.#drop(client);
    const backend = this.#choice.order(from.host)[0];
    if (!backend) return undefined;
    if (this.#flows.size >= flowsMax) for (const oldest of [...this.#flows.keys()].slice(0, 1)) this.#drop(oldest);
    this.#choice.met(from.host, backend);
    const to = this.#devices.resolve(backend.ip, backend.port);
    const socket = createSocket({ type: 'udp4' });
    socket.on('message', (answer) => {
      if (!this.#closed) this.#server.send(answer, from.port, from.host, () => {});
    });
    socket.on('error', () => this.#drop(client));
    const flow: Flow = { socket, to, idle: () => {} };
    this.#flows.set(client, flow);
    return flow;
  }

  #drop(client: string): void {
    const flow = this.#flows.get(client);
    if (!flow) return;
    this.#flows.delete(client);
    flow.idle();
    flow.socket.close();
  }
}
