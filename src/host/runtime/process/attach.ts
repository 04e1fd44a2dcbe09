import type { Socket } from 'node:net';
import type { ExecIo, ExecPart } from '../../../agent/runtime.ts';
import type { Stop } from '../../../base/stop.ts';
import type { AttachMessage, ShimMessage, ShimRequest } from './record.ts';
import { connectSocket } from './shim-link.ts';

/** Joins a container's own input and output by a connection of its own to the shim, until one of them ends. */
export async function* attachTo(path: string, id: string, io: ExecIo, stop: Stop): AsyncGenerator<ExecPart> {
  const socket = await connectSocket(path);
  socket.on('error', () => {});
  const forget = stop.onStop(() => socket.destroy());
  try {
    say(socket, { n: 1, say: 'attach', id, input: io.stdin !== undefined });
    if (io.stdin) void feed(socket, id, io.stdin);
    if (io.resize) void resize(socket, id, io.resize);
    for await (const line of linesOf(socket)) {
      const message = JSON.parse(line) as ShimMessage | AttachMessage;
      if ('output' in message) {
        yield { from: io.tty ? 'stdout' : message.from, bytes: Buffer.from(message.output, 'base64') };
      } else if ('error' in message && message.n === 1) throw new Error(`attach to ${id}: ${message.error}`);
    }
  } catch (error) {
    if (!stop.stopped) throw error;
  } finally {
    forget();
    socket.destroy();
  }
}

async function* linesOf(socket: Socket): AsyncGenerator<string> {
  let text = '';
  socket.setEncoding('utf8');
  for await (const chunk of socket) {
    const lines = (text + chunk).split('\n');
    text = lines.pop() as string;
    yield* lines;
  }
}

async function feed(socket: Socket, id: string, input: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const bytes of input) {
    const room = say(socket, { n: 0, say: 'input', id, bytes: Buffer.from(bytes).toString('base64') });
    if (!room && !socket.destroyed) {
      await new Promise<void>((resolve) => {
        socket.once('drain', resolve);
        socket.once('close', resolve);
      });
    }
  }
  say(socket, { n: 0, say: 'input', id });
}

async function resize(socket: Socket, id: string, sizes: NonNullable<ExecIo['resize']>): Promise<void> {
  for await (const { rows, columns } of sizes) say(socket, { n: 0, say: 'resize', id, rows, columns });
}

function say(socket: Socket, request: ShimRequest): boolean {
  return socket.writable && socket.write(`${JSON.stringify(request)}\n`);
}
