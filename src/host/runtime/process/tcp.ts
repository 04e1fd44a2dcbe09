import { connect } from 'node:net';
import type { Duplex } from '../../../api/wire.ts';

/** Resolves once connected. */
export function connectTcp(host: string, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, allowHalfOpen: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      // Told to whoever reads `incoming`.
      socket.on('error', () => {});
      resolve({
        incoming: socket,
        write: (bytes) => new Promise((done, fail) => socket.write(bytes, (error) => (error ? fail(error) : done()))),
        end: () => socket.end(),
      });
    });
  });
}
