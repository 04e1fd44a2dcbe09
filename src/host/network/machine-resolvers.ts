import { createSocket } from 'node:dgram';
import { getServers } from 'node:dns';
import { readFileSync, statSync } from 'node:fs';
import { connect, isIPv6 } from 'node:net';
import type { Clock, Millis } from '../../base/env.ts';
import type { Elsewhere, ExchangeOptions } from '../../network/dns-forwarder.ts';
import { parseResolverFile, type ResolverFile } from '../../network/resolv-conf.ts';

const resolverFile = '/etc/resolv.conf';
/** How soon a change is seen by whoever asks next; nobody asks, nothing is looked at. */
const lookAgainMs = 1_000;
const dnsPort = 53;
const nothing: ResolverFile = { servers: [], searches: [], options: [] };

export interface MachineResolversOptions {
  readonly clock: Clock;
  /** Addresses at which we ourselves answer: asked, they would ask us again. */
  readonly own: () => readonly string[];
  readonly file?: string;
  readonly port?: number;
}

/** The resolvers that this machine uses, which change with the network that it is in. */
export class MachineResolvers implements Elsewhere {
  readonly #options: MachineResolversOptions;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #stamp = '';
  #found = nothing;

  constructor(options: MachineResolversOptions) {
    this.#options = options;
  }

  servers(): readonly string[] {
    const own = this.#options.own();
    return this.file().servers.filter((server) => !own.includes(server));
  }

  /** What the file says now. */
  file(): ResolverFile {
    const now = this.#options.clock.monotonic();
    if (now - this.#lookedAt >= lookAgainMs) {
      this.#lookedAt = now;
      this.#look();
    }
    return this.#found;
  }

  async exchange(server: string, query: Uint8Array, options: ExchangeOptions): Promise<Uint8Array> {
    const [host = '', port = String(this.#options.port ?? dnsPort)] = server.split('#');
    const place = { host, port: Number(port) };
    const answer = await overUdp(place, query, options);
    const truncated = ((answer[2] ?? 0) & 0x02) !== 0;
    return truncated && options.via === 'tcp' ? overTcp(place, query, options) : answer;
  }

  #look(): void {
    const { file = resolverFile } = this.#options;
    try {
      const { mtimeMs, size, ino } = statSync(file);
      const stamp = `${mtimeMs} ${size} ${ino}`;
      if (stamp === this.#stamp) return;
      this.#found = parseResolverFile(readFileSync(file, 'utf8'));
      this.#stamp = stamp;
    } catch {
      // A system without the file has other places for it, which Node knows how to read.
      this.#stamp = '';
      this.#found = { ...nothing, servers: file === resolverFile ? getServers() : [] };
    }
  }
}

interface Place {
  readonly host: string;
  readonly port: number;
}

/** From a port of its own, and heard by nobody but that server: an answer that somebody else invents finds no way in. */
function overUdp(
  { host, port }: Place,
  query: Uint8Array,
  { withinMs, accepts }: ExchangeOptions,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    const timer = setTimeout(() => end(new Error(silence(host, withinMs))), withinMs);
    let over = false;
    const end = (result: Uint8Array | Error): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      socket.close();
      if (result instanceof Error) reject(result);
      else resolve(result);
    };
    socket.on('error', end);
    socket.on('message', (answer) => {
      if (accepts(answer)) end(answer);
    });
    socket.once('connect', () => {
      socket.send(query, (error) => {
        if (error) end(error);
      });
    });
    socket.connect(port, host);
  });
}

function overTcp(
  { host, port }: Place,
  query: Uint8Array,
  { withinMs, accepts }: ExchangeOptions,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const timer = setTimeout(() => socket.destroy(new Error(silence(host, withinMs))), withinMs);
    let got: Buffer = Buffer.alloc(0);
    socket.on('connect', () => {
      const head = Buffer.alloc(2);
      head.writeUInt16BE(query.length);
      socket.write(Buffer.concat([head, query]));
    });
    socket.on('data', (chunk: Buffer) => {
      got = Buffer.concat([got, chunk]);
      if (got.length < 2 || got.length < 2 + got.readUInt16BE(0)) return;
      const answer = got.subarray(2, 2 + got.readUInt16BE(0));
      if (accepts(answer)) resolve(answer);
      socket.destroy(accepts(answer) ? undefined : new Error(`${host} answered something else`));
    });
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      reject(new Error(`${host} hung up`));
    });
  });
}

const silence = (host: string, withinMs: Millis): string => `${host} did not answer within ${withinMs} ms`;
