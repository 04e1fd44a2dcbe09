import type { Millis } from '../../base/env.ts';

/** Everything that a peer could make grow or wait, in one place. */
export const limits = {
  /** The largest body of a request, as the original has it. */
  bodyBytesMax: 3 * 1024 * 1024,
  headerBytesMax: 64 * 1024,
  /** Answers above this are compressed for whoever accepts it. */
  compressBytesMin: 128 * 1024,
  /** How much of a long answer is joined and handed to the socket at a time. */
  sliceBytes: 128 * 1024,
  /** What may wait for a slow watcher before it is closed. Its first batch, the state it asked for, is exempt. */
  watchBacklogBytesMax: 8 * 1024 * 1024,
  /** How many events of a watch are encoded and written before somebody else has a turn. */
  watchSliceEvents: 64,
  /** Batches up to this many events are written at once: what is longer is a first state, or as good as one. */
  watchEventsAtOnce: 512,
  /** What may happen while a watcher is still given its first state, before it is closed. */
  watchHeldEventsMax: 50_000,
  /** The longest line that a client takes from a watch. */
  watchLineBytesMax: 64 * 1024 * 1024,
  streamsPerSessionMax: 250,
};

export const deadlines = {
  handshakeMs: 10_000 as Millis,
  headersMs: 32_000 as Millis,
  /** From the first byte of a request to the last of its body. */
  requestMs: 60_000 as Millis,
  idleMs: 90_000 as Millis,
  /** How long a closed watcher may take to read what is left, and who sends too much to come to its end. */
  lingerMs: 10_000 as Millis,
  /** How long a client waits for a sign of life of an answer that is not a watch. */
  silenceMs: 70_000 as Millis,
  keepAliveProbeMs: 30_000 as Millis,
};
