import type { Log } from '../base/env.ts';

export type Level = 'debug' | 'info' | 'error';
const severity: Readonly<Record<Level, number>> = { debug: 0, info: 1, error: 2 };

export interface LogOptions {
  readonly level?: Level;
  /** In every line: which part of a split cluster speaks. */
  readonly fields?: object;
  readonly write?: (line: string) => void;
}

/** One JSON object per line on standard error; standard output belongs to the ready line. */
export function jsonLog(options: LogOptions = {}): Log {
  const least = severity[options.level ?? 'info'];
  const write = options.write ?? ((line: string) => process.stderr.write(line));
  const speak = (level: Level) => (message: string, fields?: object) => {
    if (severity[level] < least) return;
    write(logLine(level, message, { ...options.fields, ...fields }));
  };
  return { debug: speak('debug'), info: speak('info'), error: speak('error') };
}

function logLine(level: Level, message: string, fields: object): string {
  const head = { time: new Date().toISOString(), level, message };
  try {
    return `${JSON.stringify({ ...head, ...fields }, plainError)}\n`;
  } catch (error) {
    // A field that cannot be written (a cycle, a bigint) must not silence the line, let alone stop its speaker.
    return `${JSON.stringify({ ...head, unwritable: String(error) })}\n`;
  }
}

/** An Error has no enumerable members: without this it would be written as {}. */
function plainError(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  return { name: value.name, message: value.message, stack: value.stack, cause: value.cause };
}
