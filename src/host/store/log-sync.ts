import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs';
import type { Millis } from '../../base/env.ts';
import type { LogRoom } from './log-room.ts';

/** The calls that make a file durable. */
export interface SyncCalls {
  now(descriptor: number): void;
  soon(descriptor: number, done: (error: Error | null) => void): void;
}

const machineCalls: SyncCalls = { now: fdatasyncSync, soon: fdatasync };

/** A sync that takes less than this delays nobody, and one made at once is answered sooner than one made elsewhere. */
const quickMs: Millis = 2;
/** How much of what is expected of the next sync is what the last one took. */
const lastShare = 0.25;

/**
 * Makes what SQLite has appended to its write-ahead log durable. SQLite could do so itself, and the loop would stand
 * still meanwhile: here the loop goes on, and what is committed during one sync is ready for the next.
 */
export class LogSync {
  readonly #path: string;
  readonly #room: LogRoom;
  readonly #calls: SyncCalls;
  #descriptor: number | undefined;
  #expectedMs = 0;

  constructor(path: string, room: LogRoom, calls = machineCalls) {
    this.#path = path;
    this.#room = room;
    this.#calls = calls;
  }

  /** At once where one waits alone and the disk is quick; otherwise while others have their turn. */
  sync(waiting: number): void | Promise<void> {
    if (waiting === 1 && this.#expectedMs < quickMs) this.now();
    else return this.#soon();
  }

  now(): void {
    const begun = performance.now();
    this.#calls.now(this.#written());
    this.#took(begun);
  }

  /** After SQLite has closed its own: no lock of the process on the file may go before. */
  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #soon(): Promise<void> {
    const begun = performance.now();
    return new Promise((resolve, reject) => {
      this.#calls.soon(this.#written(), (error) => {
        this.#took(begun);
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /** The file is there once SQLite has written to it, and stays the same one until it is closed. */
  #written(): number {
    this.#descriptor ??= openSync(this.#path, 'r+');
    this.#room.make(this.#descriptor);
    return this.#descriptor;
  }

  #took(begun: Millis): void {
    this.#expectedMs += (performance.now() - begun - this.#expectedMs) * lastShare;
  }
}
