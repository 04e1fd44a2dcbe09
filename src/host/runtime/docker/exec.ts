import type { ExecIo, ExecPart } from '../../../agent/runtime.ts';
import type { Stop } from '../../../base/stop.ts';
import { type EngineClient, isEngineError } from './engine-client.ts';
import { type Piece, piecesOf } from './frames.ts';

interface ExecState {
  readonly Running: boolean;
  readonly ExitCode: number | null;
}

/** As shells say it. Engines say 126 or 127, by their version. */
const notFound = 127;
const notThere = /executable file not found|no such file or directory/;
const complaintBytesMax = 4_096;
const lookAgainMs = 10;
/** An engine may close the stream a moment before it knows the exit code. */
const patienceMs = 5_000;

export interface ExecPlace {
  readonly client: EngineClient;
  readonly engineId: string;
}

/** Runs a command inside a container. Stopping lets go of it; the engine has no way to end it. */
export async function* execInside(
  { client, engineId }: ExecPlace,
  command: readonly string[],
  io: ExecIo,
  stop: Stop,
): AsyncGenerator<ExecPart> {
  if (command.length === 0) throw new Error('exec needs a command');
  const body = {
    AttachStdin: io.stdin !== undefined,
    AttachStdout: true,
    AttachStderr: !io.tty,
    Tty: io.tty,
    Cmd: command,
  };
  const { Id: id } = await client.json<{ readonly Id: string }>('POST', `/containers/${engineId}/exec`, { body });
  const socket = await client.hijack(`/exec/${id}/start`, { Detach: false, Tty: io.tty });
  const forget = stop.onStop(() => socket.destroy());
  socket.on('error', () => {});
  if (io.stdin) void feed(socket, io.stdin);
  if (io.resize) void resize(client, id, io.resize);
  let missing = false;
  try {
    for await (const piece of piecesOf(socket, io.tty)) {
      const complaint = complaintOf(piece);
      missing ||= complaint !== undefined && notThere.test(complaint);
      yield complaint === undefined || io.tty ? piece : { ...piece, from: 'stderr' };
    }
    if (!stop.stopped) yield { exitCode: missing ? notFound : await exitCode(client, id) };
  } catch (error) {
    if (!stop.stopped) throw error;
  } finally {
    forget();
    socket.destroy();
  }
}

/** Where a command cannot begin, the engine itself says so, in the place of the command's output. */
function complaintOf({ bytes }: Piece): string | undefined {
  if (bytes.length > complaintBytesMax) return undefined;
  const text = Buffer.from(bytes).toString('utf8');
  return text.startsWith('OCI runtime exec failed') ? text : undefined;
}

async function exitCode(client: EngineClient, id: string): Promise<number> {
  for (const end = performance.now() + patienceMs; ; ) {
    const { Running, ExitCode } = await client.json<ExecState>('GET', `/exec/${id}/json`);
    if (!Running && ExitCode !== null) return ExitCode;
    if (performance.now() > end) throw new Error('the command ended, and the engine does not say how');
    await new Promise((resolve) => setTimeout(resolve, lookAgainMs));
  }
}

/** All that a client says, then the end of it. */
export async function feed(socket: NodeJS.WritableStream, input: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const bytes of input) {
      if (!socket.write(bytes)) await new Promise((resolve) => socket.once('drain', resolve));
    }
  } catch {
    // Whoever feeds has gone: that is the end of the input.
  }
  socket.end();
}

async function resize(client: EngineClient, id: string, sizes: NonNullable<ExecIo['resize']>): Promise<void> {
  for await (const { rows, columns } of sizes) {
    await client.json('POST', `/exec/${id}/resize`, { query: { h: rows, w: columns } }).catch((error: unknown) => {
      // It ended meanwhile.
      if (!isEngineError(error, 404, 409, 500)) throw error;
    });
  }
}
