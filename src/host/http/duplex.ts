import type { Duplex as NodeDuplex } from 'node:stream';
import type { Duplex } from '../../api/wire.ts';

/** A socket as the API sees an upgraded connection. `head` is what arrived behind the request's headers. */
export function duplexOf(socket: NodeDuplex, head: Uint8Array): Duplex {
  if (head.length > 0) socket.unshift(head);
  return {
    incoming: incomingOf(socket),
    write: (bytes) => writeTo(socket, bytes),
    end: () => {
      if (!socket.writableEnded) socket.end();
    },
  };
}

async function* incomingOf(socket: NodeDuplex): AsyncGenerator<Uint8Array> {
  try {
    // Whoever stops reading may still want to write.
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) yield chunk as Uint8Array;
  } catch (error) {
    if (!isHangUp(error)) throw error;
  }
}

/** Resolves when the socket has room again. */
export function writeTo(socket: NodeDuplex, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    if (socket.destroyed || socket.writableEnded) return reject(hangUp('write to a connection that is closed'));
    if (socket.write(bytes)) return resolve();
    const done = () => {
      socket.off('drain', done);
      socket.off('close', done);
      if (socket.destroyed) reject(hangUp('the connection closed during a write'));
      else resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}

const hangUp = (message: string) => Object.assign(new Error(message), { code: 'EPIPE' });

/** The peer went away: expected at any moment, and the same as an end. */
export function isHangUp(error: unknown): boolean {
  const code = (error as { code?: string } | undefined)?.code;
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ABORT_ERR';
}
