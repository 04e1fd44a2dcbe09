/** What the proxy bears, each with a name. Times in milliseconds, sizes in bytes. */
export const limits = {
  headBytesMax: 32 * 1024,
  targetCharsMax: 8 * 1024,
  headersMax: 128,
  chunkLineCharsMax: 1024,
  trailerBytesMax: 8 * 1024,
  bodyBytesMax: 4 * 1024 ** 3,
  /** What is kept of a request's body, so that another backend can be asked. */
  replayBytesMax: 64 * 1024,
  /** What a mirror that does not read may hold. */
  mirrorBytesMax: 1024 * 1024,
  /** What a client may have sent ahead while its last request is being answered. */
  aheadBytesMax: 64 * 1024,
  clientsMax: 20_000,
  idlePerBackendMax: 128,
  streamsPerSessionMax: 250,
  triesMax: 3,
} as const;

export const deadlines = {
  /** From the first byte of a request to the end of its head. */
  headMs: 30_000,
  /** Between requests of one client. */
  clientIdleMs: 75_000,
  /** Less than what servers commonly allow: who closes first must not be the backend. */
  backendIdleMs: 4_000,
  connectMs: 3_000,
  /** Until a backend begins to answer. */
  answerMs: 60_000,
  /** Between two pieces of a body. */
  silenceMs: 3_600_000,
  /** A backend that could not be reached is asked last for so long. */
  avoidMs: 2_000,
  lingerMs: 1_000,
  tickMs: 1_000,
} as const;
