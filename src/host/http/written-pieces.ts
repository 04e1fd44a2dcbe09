import type { Writable } from 'node:stream';
import { constants, createGzip } from 'node:zlib';
import type { ApiResponse, Pieces } from '../../api/wire.ts';
import { limits } from './limits.ts';
import { frameRoom, Reply } from './reply.ts';
import type { Outgoing } from './request.ts';
import { type Asked, acceptsGzip, headOf } from './whole-answer.ts';

type InPieces = Extract<ApiResponse, { readonly pieces: Pieces }>;

/** Rooms that are empty at the moment: each is large, and made anew it would have to be cleaned up. */
const rooms: Buffer[] = [];
const roomsMax = 8;

/** A long answer, written while it is made: what of it is in memory is two rooms, one that is filled and one on its way. */
export async function writePieces(outgoing: Outgoing, asked: Asked, answer: InPieces): Promise<void> {
  const isCompressed = asked.method === 'GET' && acceptsGzip(asked);
  const encoding = isCompressed ? ['Content-Encoding', 'gzip'] : [];
  outgoing.writeHead(answer.status, headOf(answer, answer.mediaType, [...encoding, 'Vary', 'Accept-Encoding']));
  if (asked.method === 'HEAD') return void outgoing.end();
  if (!isCompressed) return passOn(answer.pieces, outgoing, outgoing);
  const gzip = createGzip({ level: constants.Z_BEST_SPEED, chunkSize: limits.sliceBytes });
  outgoing.once('close', () => gzip.destroy());
  gzip.pipe(outgoing);
  return passOn(answer.pieces, gzip, outgoing);
}

async function passOn(pieces: Pieces, to: Writable, outgoing: Writable): Promise<void> {
  const pair = [rooms.pop() ?? newRoom(), rooms.pop() ?? newRoom()];
  let written: Promise<void> = Promise.resolve();
  for (let turn = 0; ; turn++) {
    const room = pair[turn % 2] as Buffer;
    const size = await pieces.fill(room.subarray(frameRoom.before, -frameRoom.after));
    await written;
    // The rooms may be on their way still: they are not given back.
    if (outgoing.destroyed || to.destroyed) return;
    if (size === 0) break;
    written = new Promise((resolve) => {
      if (to instanceof Reply) to.passRoom(room, size, resolve);
      else to.write(room.subarray(frameRoom.before, frameRoom.before + size), () => resolve());
    });
  }
  to.end();
  if (rooms.length < roomsMax) rooms.push(...pair);
}

const newRoom = (): Buffer => Buffer.allocUnsafeSlow(limits.sliceBytes);
