import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { Duplex } from '../api/wire.ts';
import type { LocalListener, LocalPlace } from '../cli/command.ts';
import { duplexOf } from './http/duplex.ts';

const none = new Uint8Array();

/** Connections of this machine as two-way streams of bytes. */
export async function listen({ host, port }: LocalPlace, accept: (peer: Duplex) => void): Promise<LocalListener> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    // Whoever reads or writes hears of it; without a listener it would end the process.
    socket.on('error', () => {});
    accept(duplexOf(socket, none));
  });
  server.listen(port, host);
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}
