import { fstatSync, writeSync } from 'node:fs';

/** So much is made at a time: with less the disk has more to do, and with more those who commit just then wait longer. */
const stepBytes = 1024 * 1024;
/** To ask for a file's size makes the next sync take longer by half (Linux then notes the exact time of the write). */
const syncsUnasked = 16;

/**
 * Room at the end of SQLite's write-ahead log, so that most commits write into the file and only few make it longer:
 * a sync that has a new length to note takes twice the time. SQLite overwrites the file from its beginning once it is
 * full, and takes what is not its own for the end of what was written.
 */
export class LogRoom {
  readonly #fullBytes: number;
  #madeUntil = 0;
  #syncs = 0;

  /** `fullBytes`: the length from which SQLite begins anew. */
  constructor(fullBytes: number) {
    this.#fullBytes = fullBytes;
  }

  /** Before a sync, which makes the room durable too. Nothing may be writing to the file just now. */
  make(descriptor: number): void {
    if (this.#madeUntil >= this.#fullBytes || ++this.#syncs % syncsUnasked !== 0) return;
    const { size } = fstatSync(descriptor);
    if (size <= this.#madeUntil) return;
    this.#madeUntil = size + stepBytes;
    try {
      writeSync(descriptor, new Uint8Array(stepBytes), 0, stepBytes, size);
    } catch {
      // Where a disk is full, it is SQLite that says so, once it needs the room.
    }
  }
}
