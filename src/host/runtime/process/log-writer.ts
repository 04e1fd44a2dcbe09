import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

/** A file is put aside when it is larger than this; as many old ones are kept, `log.1` the youngest. */
export const logBytesMax = 10 * 1024 * 1024;
export const logFilesMax = 4;
/** A longer line is written in parts, as container engines do, so that no reader needs to hold it whole. */
const partBytesMax = 16 * 1024;
const newLine = 10;

/** Writes what a container says: `2026-11-21T12:00:00.000000000Z stdout F text`, one line each, by both streams. */
export class LogWriter {
  readonly #path: string;
  readonly #bytesMax: number;
  #file: number;
  #size: number;
  readonly #pending = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };

  constructor(path: string, bytesMax: number = logBytesMax) {
    this.#path = path;
    this.#bytesMax = bytesMax;
    this.#file = openSync(path, 'a', 0o600);
    this.#size = fstatSync(this.#file).size;
  }

  take(from: 'stdout' | 'stderr', chunk: Buffer): void {
    let rest = this.#pending[from].length > 0 ? Buffer.concat([this.#pending[from], chunk]) : chunk;
    const out: Buffer[] = [];
    const now = stamp();
    while (rest.length > 0) {
      const end = rest.indexOf(newLine);
      if (end >= 0 && end <= partBytesMax) {
        out.push(Buffer.from(`${now} ${from} F `), rest.subarray(0, end + 1));
        rest = rest.subarray(end + 1);
      } else if (rest.length > partBytesMax) {
        out.push(Buffer.from(`${now} ${from} P `), rest.subarray(0, partBytesMax), Buffer.from('\n'));
        rest = rest.subarray(partBytesMax);
      } else break;
    }
    // A copy, so that a short rest does not hold the whole chunk.
    this.#pending[from] = Buffer.from(rest);
    this.#append(out);
  }

  /** What has no line end yet is written as it is; then the file is closed. */
  close(): void {
    const now = stamp();
    for (const from of ['stdout', 'stderr'] as const) {
      const rest = this.#pending[from];
      if (rest.length > 0) this.#append([Buffer.from(`${now} ${from} P `), rest, Buffer.from('\n')]);
    }
    closeSync(this.#file);
  }

  #append(parts: readonly Buffer[]): void {
    if (parts.length === 0) return;
    const bytes = Buffer.concat(parts);
    if (this.#size > 0 && this.#size + bytes.length > this.#bytesMax) this.#rotate();
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
      this.#size += bytes.length;
    } catch {
      // A full disk costs log lines, never the container.
    }
  }

  #rotate(): void {
    try {
      for (let n = logFilesMax - 1; n >= 1; n--) moveAside(`${this.#path}.${n}`, `${this.#path}.${n + 1}`);
      moveAside(this.#path, `${this.#path}.1`);
      const next = openSync(this.#path, 'a', 0o600);
      closeSync(this.#file);
      this.#file = next;
      this.#size = 0;
    } catch {
      // It goes on in the old file and tries again with the next line.
    }
  }
}

function moveAside(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function stamp(): string {
  return `${new Date().toISOString().slice(0, -1)}000000Z`;
}
