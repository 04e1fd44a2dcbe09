import { createSocket, type Socket as DatagramSocket, type RemoteInfo } from 'node:dgram';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import type { Via } from '../../network/dns-forwarder.ts';
import type { Place } from './listening.ts';

const connectionsMax = 256;
const idleMs = 10_000;
/** Answers that a slow client of TCP has not read yet: more, and it is let go. */
const unreadBytesMax = 1024 * 1024;
/** Bursts wait in the kernel while something else has its turn. */
const receiveBytes = 1024 * 1024;

/** Queries in, answers out: at once, later, or never where nothing is to be said. */
export interface Answering {
  respond(query: Uint8Array, via: Via): Uint8Array | Promise<Uint8Array> | undefined;
}

/**
 * Listens for DNS over UDP and TCP at one address. The part that answers is loaded with the first query: a cluster that
 * nobody asks for names does not carry it.
 */
export class DnsServer {
  readonly #load: () => Promise<Answering>;
  readonly #onError: (error: unknown) => void;
  readonly #peers = new Set<Socket>();
  #answering: Answering | undefined;
  #datagrams: DatagramSocket | undefined;
  #streams: Server | undefined;

  constructor(load: () => Promise<Answering>, onError: (error: unknown) => void) {
    this.#load = load;
    this.#onError = onError;
  }

  /** The same port for both; port 0 takes one that is free for both. Answers where it listens. */
  async listen({ host, port }: Place): Promise<Place> {
    for (let tries = 0; ; tries++) {
      try {
        const bound = await this.#listenStreams(host, port);
        await this.#listenDatagrams(host, bound);
        return { host, port: bound };
      } catch (error) {
        await this.close();
        if (port !== 0 || tries >= 10) throw error;
      }
    }
  }

  async close(): Promise<void> {
    const [datagrams, streams] = [this.#datagrams, this.#streams];
    this.#datagrams = undefined;
    this.#streams = undefined;
    for (const peer of this.#peers) peer.destroy();
    await Promise.all([
      datagrams && new Promise<void>((resolve) => datagrams.close(() => resolve())),
      streams?.listening && new Promise<void>((resolve) => streams.close(() => resolve())),
    ]);
  }

  #listenStreams(host: string, port: number): Promise<number> {
    const server = createServer((peer) => this.#accept(peer));
    server.maxConnections = connectionsMax;
    this.#streams = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, exclusive: true }, () => {
        server.off('error', reject);
        server.on('error', this.#onError);
        resolve((server.address() as { readonly port: number }).port);
      });
    });
  }

  #listenDatagrams(host: string, port: number): Promise<void> {
    const socket = createSocket({
      type: isIPv6(host) ? 'udp6' : 'udp4',
      // What is answered to is an address already: looking it up would cost more than the answer.
      lookup: (address, _options, done) => done(null, address, isIPv6(address) ? 6 : 4),
    });
    this.#datagrams = socket;
    socket.on('message', (query, from) => this.#datagram(socket, query, from));
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ address: host, port, exclusive: true }, () => {
        socket.off('error', reject);
        // A client that is gone is told as an error of the whole socket; the others do not care.
        socket.on('error', () => {});
        socket.setRecvBufferSize(receiveBytes);
        resolve();
      });
    });
  }

  #datagram(socket: DatagramSocket, query: Uint8Array, { port, address }: RemoteInfo): void {
    // Answers to such a port would reach a service that answers them in turn.
    if (port === 0) return;
    this.#answer(query, 'udp', (answer) => {
      if (socket === this.#datagrams) socket.send(answer, port, address, () => {});
    });
  }

  #answer(query: Uint8Array, via: Via, send: (answer: Uint8Array) => void): void {
    if (!this.#answering) {
      this.#load().then((answering) => {
        this.#answering = answering;
        this.#answer(query, via, send);
      }, this.#onError);
      return;
    }
    try {
      const answer = this.#answering.respond(query, via);
      if (answer instanceof Promise) answer.then(send, this.#onError);
      else if (answer) send(answer);
    } catch (error) {
      this.#onError(error);
    }
  }

  /** Each query and each answer has its length before it; a client may ask on while it waits. */
  #accept(peer: Socket): void {
    this.#peers.add(peer);
    peer.setTimeout(idleMs, () => peer.destroy());
    peer.on('error', () => {});
    peer.on('close', () => this.#peers.delete(peer));
    let waiting: Buffer = Buffer.alloc(0);
    peer.on('data', (chunk: Buffer) => {
      waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk]);
      while (waiting.length >= 2 && waiting.length >= 2 + waiting.readUInt16BE(0)) {
        const end = 2 + waiting.readUInt16BE(0);
        this.#answer(waiting.subarray(2, end), 'tcp', (answer) => sendFramed(peer, answer));
        waiting = waiting.subarray(end);
      }
    });
  }
}

function sendFramed(peer: Socket, answer: Uint8Array): void {
  if (peer.destroyed) return;
  if (peer.writableLength > unreadBytesMax) return void peer.destroy();
  const head = Buffer.alloc(2);
  head.writeUInt16BE(answer.length);
  peer.write(Buffer.concat([head, answer]));
}
