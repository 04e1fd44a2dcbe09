import type { Channel } from '../../base/channel.ts';
import type { Json } from '../../base/json.ts';
import type { Pipe } from '../../base/pipe.ts';
import type { StopSource } from '../../base/stop.ts';

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** Which streams a client asked for. */
export interface WantedStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** What the client says: filled by whatever carries it, read by the command. */
export interface ClientVoice {
  readonly stdin: Pipe;
  readonly resize: Channel<TerminalSize>;
  /** Stops when the client has gone. */
  readonly gone: StopSource;
}

/** What the command says, on its way to the client, whatever carries it. */
export interface RemoteStreams {
  write(from: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void>;
  /** All has been said, and this is how it ended. */
  finish(end: CommandEnd): Promise<void>;
}

export interface CommandEnd {
  /** metav1.Status, for protocols from v4 on. */
  readonly status: Json;
  /** The same for older ones, which know failures only. */
  readonly failure?: string;
}

/** From v4 on, the end of a command is told as a Status. */
export const tellsStatus = (protocol: string): boolean => /^v[45]\./.test(protocol);

const sizeMax = 0xffff;
const pendingSizesMax = 100;

/** A change of the terminal's size, as all protocols write it. One that cannot be read changes nothing. */
export function takeSize(voice: ClientVoice, bytes: Uint8Array): void {
  let said: { readonly Width?: unknown; readonly Height?: unknown } | null;
  try {
    said = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return;
  }
  const rows = Number(said?.Height);
  const columns = Number(said?.Width);
  const fits = (value: number) => Number.isInteger(value) && value > 0 && value <= sizeMax;
  if (fits(rows) && fits(columns) && voice.resize.size < pendingSizesMax) voice.resize.push({ rows, columns });
}

export function clientLeft(voice: ClientVoice): void {
  voice.stdin.end();
  voice.resize.close();
  voice.gone.stop();
}
