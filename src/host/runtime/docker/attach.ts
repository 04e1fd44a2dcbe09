import type { ExecIo, ExecPart } from '../../../agent/runtime.ts';
import type { Stop } from '../../../base/stop.ts';
import { type EngineClient, isEngineError } from './engine-client.ts';
import { feed } from './exec.ts';
import { piecesOf } from './frames.ts';

export interface AttachPlace {
  readonly client: EngineClient;
  readonly engineId: string;
  readonly tty: boolean;
}

/** Joins a container's own input and output, from now on, until it ends or the client goes. */
export async function* attachTo(
  { client, engineId, tty }: AttachPlace,
  io: ExecIo,
  stop: Stop,
): AsyncGenerator<ExecPart> {
  const streams = new URLSearchParams({ stream: '1', stdout: '1', stderr: '1', ...(io.stdin ? { stdin: '1' } : {}) });
  const socket = await client.hijack(`/containers/${engineId}/attach?${streams}`, {});
  const forget = stop.onStop(() => socket.destroy());
  socket.on('error', () => {});
  if (io.stdin) void feed(socket, io.stdin);
  if (io.resize && tty) void resize(client, engineId, io.resize);
  try {
    yield* piecesOf(socket, tty);
  } catch (error) {
    if (!stop.stopped) throw error;
  } finally {
    forget();
    socket.destroy();
  }
}

async function resize(client: EngineClient, id: string, sizes: NonNullable<ExecIo['resize']>): Promise<void> {
  for await (const { rows, columns } of sizes) {
    await client
      .json('POST', `/containers/${id}/resize`, { query: { h: rows, w: columns } })
      .catch((error: unknown) => {
        // It ended meanwhile.
        if (!isEngineError(error, 404, 409, 500)) throw error;
      });
  }
}
