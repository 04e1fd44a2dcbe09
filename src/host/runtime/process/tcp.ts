import { connect } from 'node:net';
import type { Duplex } from '../../../api/wire.ts';
import { never, type Stop } from '../../../base/stop.ts';

/** Pods are near: whoever is silent for so long is not there any more. The system would go on for two minutes. */
const connectMs = 10_000;

/** Resolves once connected. `stop` cuts the connection, also one that is still tried. */
export function connectTcp(host: string, port: number, stop: Stop = never): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, allowHalfOpen: true });
    const cut = (why: string) => socket.destroy(new Error(`connect to ${host}:${port}: ${why}`));
    socket.setTimeout(connectMs, () => cut(`no answer within ${connectMs / 1000} s`));
    socket.once(
      'close',
      stop.onStop(() => cut('given up')),
    );
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.setTimeout(0);
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
