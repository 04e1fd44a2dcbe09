import type { Stop } from '../base/stop.ts';
import type { Runtime } from './runtime.ts';

export interface ExecText {
  /** Absent where the command ended without one. */
  readonly exitCode?: number;
  /** As much of what it said as anybody reads. */
  readonly text: string;
}
export interface ExecAsk {
  readonly id: string;
  readonly command: readonly string[];
  readonly lengthMax: number;
}

/** What a command in a container says, and how it ends: for probes and hooks. */
export async function execText(runtime: Runtime, { id, command, lengthMax }: ExecAsk, stop: Stop): Promise<ExecText> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const part of runtime.exec(id, command, { tty: false }, stop)) {
    if ('exitCode' in part) return { exitCode: part.exitCode, text: text.trim() };
    if (text.length < lengthMax) text += decoder.decode(part.bytes, { stream: true });
  }
  return { text: text.trim() };
}
