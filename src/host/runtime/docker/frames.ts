/** The engine's mark before each piece of output: which stream, and how many bytes follow. */
const headBytes = 8;
const fromError = 2;

export interface Piece {
  readonly from: 'stdout' | 'stderr';
  readonly bytes: Uint8Array;
}

/** Takes apart what an engine sends as one stream. A terminal's output has no marks: it is one stream already. */
export async function* piecesOf(chunks: AsyncIterable<Uint8Array>, tty: boolean): AsyncGenerator<Piece> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (tty) {
      yield { from: 'stdout', bytes: chunk };
      continue;
    }
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : Buffer.from(chunk);
    while (rest.length >= headBytes) {
      const end = headBytes + rest.readUInt32BE(4);
      if (rest.length < end) break;
      yield { from: rest[0] === fromError ? 'stderr' : 'stdout', bytes: rest.subarray(headBytes, end) };
      rest = rest.subarray(end);
    }
  }
}
