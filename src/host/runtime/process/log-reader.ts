import { closeSync, existsSync, fstatSync, openSync, readSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import type { LogOptions } from '../../../agent/runtime.ts';
import type { Stop } from '../../../base/stop.ts';
import { logFilesMax } from './log-writer.ts';

/** `2026-11-21T12:00:00.000000000Z stdout F `: every field has a fixed width. */
const stampBytes = 30;
const tagAt = 38;
const headBytes = 40;
const chunkBytes = 64 * 1024;
const newLine = 10;
/** File events are only a hint: some file systems send none. */
const lookAgainMs = 1_000;

interface LogFile {
  readonly descriptor: number;
  readonly inode: number;
  at: number;
}

/** What a container said, through all the files that were put aside. Ends when it is over, or stopped. */
export async function* readLog(
  path: string,
  options: LogOptions,
  isOver: () => boolean,
  stop: Stop,
): AsyncGenerator<Uint8Array> {
  let files = openAll(path);
  let rest: Buffer = Buffer.alloc(0);
  const changes = options.follow ? watching(dirname(path), stop) : undefined;
  try {
    if (options.tail !== undefined) skipTo(files, options.tail);
    for (;;) {
      // Asked before the last read, so that nothing written before the end is missed.
      const over = isOver();
      for (const file of files) {
        for (let chunk = readOn(file); chunk.length > 0; chunk = readOn(file)) {
          const [bytes, left] = render(rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk, options);
          rest = left;
          if (bytes.length > 0) yield bytes;
          if (stop.stopped) return;
        }
      }
      if (!options.follow || stop.stopped) return;
      const younger = openAfter(path, files.at(-1));
      if (younger.length === 0 && over) return;
      if (younger.length > 0) {
        const read = files;
        files = younger;
        closeAll(read);
      } else await changes?.next();
    }
  } finally {
    closeAll(files);
    changes?.close();
  }
}

/** Oldest first. */
function openAll(path: string): LogFile[] {
  const files: LogFile[] = [];
  for (let n = logFilesMax; n >= 0; n--) {
    const name = n === 0 ? path : `${path}.${n}`;
    try {
      const descriptor = openSync(name, 'r');
      const { ino } = fstatSync(descriptor);
      // A rotation under our hands shows one file under two names.
      if (files.some((file) => file.inode === ino)) closeSync(descriptor);
      else files.push({ descriptor, inode: ino, at: 0 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return files;
}

/** The files that are younger than the one we are in. */
function openAfter(path: string, last: LogFile | undefined): LogFile[] {
  if (last === undefined) return existsSync(path) ? openAll(path) : [];
  const all = openAll(path);
  const index = all.findIndex((file) => file.inode === last.inode);
  closeAll(all.slice(0, index + 1));
  return all.slice(index + 1);
}

function closeAll(files: readonly LogFile[]): void {
  for (const file of files) closeSync(file.descriptor);
}

function readOn(file: LogFile): Buffer {
  const chunk = Buffer.allocUnsafe(chunkBytes);
  const count = readSync(file.descriptor, chunk, 0, chunkBytes, file.at);
  file.at += count;
  return chunk.subarray(0, count);
}

/** Puts every file at the place from where the last `lines` are read. */
function skipTo(files: readonly LogFile[], lines: number): void {
  let left = lines;
  for (const file of [...files].reverse()) {
    const size = fstatSync(file.descriptor).size;
    file.at = size;
    for (let end = size; end > 0 && left > 0; end -= chunkBytes) {
      const begin = Math.max(0, end - chunkBytes);
      const chunk = Buffer.allocUnsafe(end - begin);
      readSync(file.descriptor, chunk, 0, chunk.length, begin);
      for (let i = chunk.length - 1; i >= 0 && left > 0; i--) {
        // The line that ends the file begins before its own line end.
        if (chunk[i] === newLine && begin + i !== size - 1 && --left === 0) file.at = begin + i + 1;
      }
      if (left > 0) file.at = begin;
    }
    // The first line of a file has no line end before it.
    if (left > 0 && size > 0) left--;
  }
}

function render(bytes: Buffer, options: LogOptions): readonly [Buffer, Buffer] {
  const out: Buffer[] = [];
  let at = 0;
  for (let end = bytes.indexOf(newLine); end >= 0; end = bytes.indexOf(newLine, at)) {
    const line = bytes.subarray(at, end + 1);
    at = end + 1;
    if (line.length <= headBytes) continue;
    const stamp = line.subarray(0, stampBytes).toString('latin1');
    if (options.since !== undefined && Date.parse(stamp) < options.since) continue;
    if (options.timestamps) out.push(line.subarray(0, stampBytes + 1));
    // 'P' is a part of a line: the line end after it is not the container's.
    const whole = line[tagAt] !== partTag;
    out.push(line.subarray(headBytes, whole ? line.length : line.length - 1));
  }
  return [Buffer.concat(out), Buffer.from(bytes.subarray(at))];
}

const partTag = 'P'.charCodeAt(0);

function watching(folder: string, stop: Stop): { next(): Promise<void>; close(): void } {
  let wake: (() => void) | undefined;
  let seen = false;
  const tell = () => {
    seen = true;
    wake?.();
  };
  const watcher = watch(folder, { persistent: false }, tell);
  watcher.on('error', tell);
  const forget = stop.onStop(tell);
  return {
    next: async () => {
      if (!seen) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, lookAgainMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      wake = undefined;
      seen = false;
    },
    close: () => {
      watcher.close();
      forget();
    },
  };
}
