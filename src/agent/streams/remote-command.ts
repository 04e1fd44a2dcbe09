import { ApiError } from '../../api/error.ts';
import type { ApiRequest, ApiResponse, Duplex } from '../../api/wire.ts';
import { Channel } from '../../base/channel.ts';
import type { Clock } from '../../base/env.ts';
import type { Json } from '../../base/json.ts';
import { Pipe } from '../../base/pipe.ts';
import { type Stop, StopSource } from '../../base/stop.ts';
import type { ExecIo, ExecPart } from '../runtime.ts';
import type { ClientVoice, CommandEnd, RemoteStreams, TerminalSize, WantedStreams } from './remote-streams.ts';
import { firstSocketProtocol, SocketStreams, socketProtocols } from './socket-streams.ts';
import { firstSpdyProtocol, SpdyStreams, spdyProtocols } from './spdy-streams.ts';
import { agreed, agreement, carrierName, upgradeOf } from './upgrade.ts';

/** Begins what the client asked for. It throws an ApiError where that cannot be, and then there is no upgrade. */
export type BeginCommand = (io: ExecIo, stop: Stop) => Promise<AsyncIterable<ExecPart>>;

/** exec and attach: a command at one end, a client at the other, whatever protocol it speaks. */
export async function remoteCommand(
  request: ApiRequest,
  wanted: WantedStreams,
  begin: BeginCommand,
  clock: Clock,
): Promise<ApiResponse> {
  if (!wanted.stdin && !wanted.stdout && !wanted.stderr) {
    throw new ApiError('BadRequest', 'you must specify at least 1 of stdin, stdout, stderr');
  }
  // A terminal has one output.
  const streams = { ...wanted, stderr: wanted.stderr && !wanted.tty };
  const upgrade = upgradeOf(request);
  const isSocket = upgrade.carrier === 'websocket';
  const protocol = isSocket
    ? agreed(upgrade, socketProtocols, firstSocketProtocol)
    : agreed(upgrade, spdyProtocols, firstSpdyProtocol);
  const voice: ClientVoice = { stdin: new Pipe(), resize: new Channel<TerminalSize>(), gone: new StopSource() };
  const io: ExecIo = {
    tty: streams.tty,
    ...(streams.stdin ? { stdin: voice.stdin } : {}),
    ...(streams.tty ? { resize: voice.resize } : {}),
  };
  const parts = await begin(io, voice.gone);
  return {
    status: 101,
    upgrade: carrierName(upgrade),
    headers: agreement(upgrade, protocol),
    serve: (peer) =>
      isSocket
        ? overSocket(new SocketStreams(peer, protocol, streams), voice, parts)
        : overSpdy(new SpdyStreams(peer, protocol, streams), { voice, parts, clock, peer }),
  };
}

async function overSocket(streams: SocketStreams, voice: ClientVoice, parts: AsyncIterable<ExecPart>): Promise<void> {
  const listening = streams.listen(voice);
  listening.catch(() => {});
  await streams.greet();
  await converse(streams, voice, parts);
}

interface SpdySetting {
  readonly voice: ClientVoice;
  readonly parts: AsyncIterable<ExecPart>;
  readonly clock: Clock;
  readonly peer: Duplex;
}

async function overSpdy(streams: SpdyStreams, { voice, parts, clock, peer }: SpdySetting): Promise<void> {
  const listening = streams.listen(voice);
  listening.catch(() => {});
  if (await streams.opened(clock, voice)) await converse(streams, voice, parts);
  else peer.end();
}

async function converse(streams: RemoteStreams, voice: ClientVoice, parts: AsyncIterable<ExecPart>): Promise<void> {
  try {
    await streams.finish(await endOf(streams, parts));
  } catch (error) {
    // Nobody is there any more to hear how it ended.
    if (!voice.gone.stopped) throw error;
  } finally {
    voice.stdin.end();
    voice.resize.close();
  }
}

async function endOf(streams: RemoteStreams, parts: AsyncIterable<ExecPart>): Promise<CommandEnd> {
  let exitCode = 0;
  try {
    for await (const part of parts) {
      if ('exitCode' in part) exitCode = part.exitCode;
      else await streams.write(part.from, part.bytes);
    }
  } catch (error) {
    return failed(error);
  }
  if (exitCode === 0) return { status: { metadata: {}, status: 'Success' } };
  const failure = `command terminated with non-zero exit code: exit status ${exitCode}`;
  const causes = [{ reason: 'ExitCode', message: String(exitCode) }];
  return { failure, status: statusFailure(failure, { reason: 'NonZeroExitCode', details: { causes } }) };
}

function failed(error: unknown): CommandEnd {
  const cause = `error executing command in container: ${error instanceof Error ? error.message : String(error)}`;
  const details = { causes: [{ message: cause }] };
  const message = `Internal error occurred: ${cause}`;
  return { failure: message, status: statusFailure(message, { reason: 'InternalError', details, code: 500 }) };
}

const statusFailure = (message: string, more: { readonly [key: string]: Json }): Json => ({
  metadata: {},
  status: 'Failure',
  message,
  ...more,
});
