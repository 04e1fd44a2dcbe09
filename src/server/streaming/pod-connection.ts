import { ApiError } from '../../api/error.ts';
import { SpdyConnection } from '../../api/streaming/spdy.ts';
import type { Duplex, Transport } from '../../api/wire.ts';
import { Pipe } from '../../base/pipe.ts';
import { StopSource } from '../../base/stop.ts';
import type { PodPlace } from '../node-doors.ts';

/**
 * A connection to a port of a pod, by way of its node: as port-forward does it. The pod's own address need not lead
 * anywhere from here.
 */
export async function podConnection(node: Transport, { namespace, name }: PodPlace, port: number): Promise<Duplex> {
  const [there, back] = [new Pipe(), new Pipe()];
  const near: Duplex = { incoming: back, write: (bytes) => there.write(bytes), end: () => there.end() };
  const far: Duplex = { incoming: there, write: (bytes) => back.write(bytes), end: () => back.end() };
  const stop = new StopSource();
  const answer = await node({
    method: 'POST',
    path: `/portForward/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`,
    query: [],
    headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'portforward.k8s.io' },
    duplex: far,
    stop,
  });
  if (!('upgrade' in answer)) {
    throw new ApiError('ServiceUnavailable', `the node of pod ${name} answered ${answer.status}`);
  }
  const serving = answer.serve(far).finally(() => far.end());
  serving.catch(() => {});
  const connection = new SpdyConnection(near);
  connection.run().catch(() => {});
  const headers = { port: String(port), requestid: '0' };
  const error = await connection.open({ ...headers, streamtype: 'error' });
  await error.end();
  const data = await connection.open({ ...headers, streamtype: 'data' });
  return {
    incoming: untilOver(data.incoming, error.incoming, () => {
      near.end();
      stop.stop();
    }),
    write: (bytes) => data.write(bytes),
    end: () => void data.end(),
  };
}

/** What the pod says; where it could not be reached, the reason is thrown. */
async function* untilOver(data: Pipe, error: Pipe, over: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield* data;
    let reason = '';
    for await (const bytes of error) reason += new TextDecoder().decode(bytes);
    if (reason !== '') throw new Error(reason);
  } finally {
    over();
  }
}
