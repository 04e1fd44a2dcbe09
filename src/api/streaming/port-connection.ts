import { Pipe } from '../../base/pipe.ts';
import { StopSource } from '../../base/stop.ts';
import type { ApiRequest, ApiResponse, Duplex } from '../wire.ts';
import { SpdyConnection } from './spdy.ts';

/** Asks for the upgrade; whoever is asked answers it, or throws. */
export type AskUpgrade = (
  request: Pick<ApiRequest, 'method' | 'headers' | 'duplex' | 'stop'> & { readonly duplex: Duplex },
) => Promise<Extract<ApiResponse, { readonly upgrade: string }>>;

/** One connection to one port of a pod, as port-forward carries it. */
export async function portConnection(ask: AskUpgrade, port: number): Promise<Duplex> {
  const [there, back] = [new Pipe(), new Pipe()];
  const near: Duplex = { incoming: back, write: (bytes) => there.write(bytes), end: () => there.end() };
  const far: Duplex = { incoming: there, write: (bytes) => back.write(bytes), end: () => back.end() };
  const stop = new StopSource();
  const answer = await ask({
    method: 'POST',
    headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'portforward.k8s.io' },
    duplex: far,
    stop,
  });
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
