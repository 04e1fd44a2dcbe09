import { once } from 'node:events';
import { Duplex as NodeDuplex } from 'node:stream';
import type { Duplex } from '../../api/wire.ts';
import { duplexOf } from './duplex.ts';

/** TLS over a connection that is there already. Who the other side is, is not checked: see who asks. */
export async function secureDuplex(duplex: Duplex): Promise<Duplex> {
  const { connect } = await import('node:tls');
  const socket = connect({ socket: streamOf(duplex), rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  socket.on('error', () => {});
  return duplexOf(socket, new Uint8Array());
}

function streamOf(duplex: Duplex): NodeDuplex {
  const stream = new NodeDuplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      duplex.write(chunk).then(() => done(), done);
    },
    final(done) {
      duplex.end();
      done();
    },
    destroy(error, done) {
      duplex.end();
      done(error);
    },
  });
  void (async () => {
    try {
      for await (const bytes of duplex.incoming) stream.push(bytes);
      stream.push(null);
    } catch (error) {
      stream.destroy(error as Error);
    }
  })();
  return stream;
}
