import { createSocket } from 'node:dgram';
import { networkInterfaces } from 'node:os';

/** Nobody's address, in a range for documentation: nothing is ever sent there. */
const faraway = '198.51.100.1';
const anyPort = 9;
export const loopbackAddress = '127.0.0.1';

/**
 * The address by which others reach this machine: that from which it would speak to the world. Where no way leads
 * there it is the first that is not the machine's own business, and loopback where there is none.
 */
export async function machineAddress(): Promise<string> {
  return (await ownEndTowards(faraway)) ?? firstOutside() ?? loopbackAddress;
}

/** The kernel chooses it when a datagram socket is connected, which sends nothing. */
function ownEndTowards(address: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const done = (own?: string) => {
      socket.close();
      resolve(own);
    };
    socket.once('error', () => done());
    socket.connect(anyPort, address, () => {
      const own = socket.address().address;
      done(own === '0.0.0.0' || own.startsWith('127.') ? undefined : own);
    });
  });
}

function firstOutside(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}
