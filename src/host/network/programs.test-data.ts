import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Backend } from '../../network/dataplane.ts';
import type { Place } from './listening.ts';

const silenceMs = 2_000;

/** Real programs on this machine, for the suite that every dataplane passes. */
export class Programs {
  readonly #endings: (() => void)[] = [];

  async program(name: string): Promise<Backend & { close(): void }> {
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      let text = '';
      socket.on('error', () => {});
      socket.on('data', (bytes) => (text += bytes));
      socket.on('end', () => socket.end(`${name}:${text}`));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#endings.push(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return { ip: '127.0.0.1', port: (server.address() as AddressInfo).port, close: () => server.close() };
  }

  async datagrams(name: string): Promise<Backend & { close(): void }> {
    const socket = createSocket('udp4');
    socket.on('message', (bytes, from) => socket.send(`${name}:${bytes}`, from.port, from.address));
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    let open = true;
    const close = (): void => {
      if (open) socket.close();
      open = false;
    };
    this.#endings.push(close);
    return { ip: '127.0.0.1', port: socket.address().port, close };
  }

  async ask(address: Place, text: string): Promise<string> {
    const socket = connect({ ...address, allowHalfOpen: true });
    socket.setTimeout(silenceMs, () => socket.destroy(new Error('silence')));
    try {
      socket.end(text);
      return await read(socket);
    } catch (error) {
      if (/ECONNREFUSED|ECONNRESET/.test(String(error))) return 'refused';
      if (/silence/.test(String(error))) return 'silence';
      throw error;
    } finally {
      socket.destroy();
    }
  }

  async open(address: Place): Promise<{ finish(text: string): Promise<string> }> {
    const socket = connect({ ...address, allowHalfOpen: true });
    this.#endings.push(() => socket.destroy());
    await once(socket, 'connect');
    return {
      finish: (text) => {
        socket.end(text);
        return read(socket);
      },
    };
  }

  sender(): (place: Place, text: string) => Promise<string> {
    const socket = createSocket('udp4');
    this.#endings.push(() => socket.close());
    return async ({ host, port }, text) => {
      try {
        socket.send(text, port, host);
        const [answer] = await once(socket, 'message', { signal: AbortSignal.timeout(silenceMs) });
        return String(answer);
      } catch {
        return 'silence';
      }
    };
  }

  async freePort(): Promise<number> {
    const { port, close } = await this.program('');
    close();
    return port;
  }

  async dispose(): Promise<void> {
    for (const end of this.#endings) end();
  }
}

async function read(socket: Socket): Promise<string> {
  let answer = '';
  for await (const bytes of socket) answer += bytes;
  return answer;
}
