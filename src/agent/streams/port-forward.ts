import { SpdyConnection, type SpdyStream } from '../../api/streaming/spdy.ts';
import { tunnel, WebSocketConnection } from '../../api/streaming/web-socket.ts';
import type { ApiRequest, ApiResponse, Duplex } from '../../api/wire.ts';
import { encodeText } from '../../base/json.ts';
import { type Connect, forwardError } from './forwarding.ts';
import { socketPorts } from './socket-ports.ts';
import { agreed, agreement, carrierName, upgradeOf } from './upgrade.ts';

const spdyProtocol = 'portforward.k8s.io';
const tunnelProtocol = 'SPDY/3.1+portforward.k8s.io';
/** Pairs of which one stream has not come yet. */
const halvesMax = 100;

/** Connections to a pod's ports, carried over one connection to the client. */
export function portForward(request: ApiRequest, about: string, connect: Connect): ApiResponse {
  const upgrade = upgradeOf(request);
  if (upgrade.carrier === 'websocket' && !upgrade.protocols.includes(tunnelProtocol)) {
    return socketPorts(upgrade, { ports: portsOf(request), about, connect });
  }
  const isTunnel = upgrade.carrier === 'websocket';
  const protocol = isTunnel ? tunnelProtocol : agreed(upgrade, [spdyProtocol], spdyProtocol);
  return {
    status: 101,
    upgrade: carrierName(upgrade),
    headers: agreement(upgrade, protocol),
    serve: (peer) => serveSpdy(isTunnel ? tunnel(new WebSocketConnection(peer)) : peer, about, connect),
  };
}

const portsOf = (request: ApiRequest): readonly string[] =>
  request.query.filter(([name]) => name === 'port' || name === 'ports').flatMap(([, value]) => value.split(','));

async function serveSpdy(peer: Duplex, about: string, connect: Connect): Promise<void> {
  const connection = new SpdyConnection(peer);
  const running = connection.run();
  running.catch(() => {});
  const halves = new Map<string, SpdyStream>();
  for await (const stream of connection.opened) {
    const { streamtype: type, requestid: id = String(stream.id), port = '' } = stream.headers;
    const other = halves.get(id);
    if (other && other.headers['streamtype'] !== type) {
      halves.delete(id);
      const [data, error] = type === 'data' ? [stream, other] : [other, stream];
      void forward({ data, error, port: Number(port), about, connect });
    } else if ((type === 'data' || type === 'error') && !other && halves.size < halvesMax) halves.set(id, stream);
    else await stream.reset();
  }
  await running;
}

interface Forwarding {
  readonly data: SpdyStream;
  readonly error: SpdyStream;
  readonly port: number;
  readonly about: string;
  readonly connect: Connect;
}

async function forward({ data, error, port, about, connect }: Forwarding): Promise<void> {
  try {
    const far = await connect(port);
    const out = async () => {
      for await (const bytes of data.incoming) await far.write(bytes);
      far.end();
    };
    const back = async () => {
      for await (const bytes of far.incoming) await data.write(bytes);
      await data.end();
    };
    await Promise.all([out(), back()]);
  } catch (cause) {
    await error.write(encodeText(forwardError(port, about, cause))).catch(() => {});
    await data.reset().catch(() => {});
  } finally {
    await error.end().catch(() => {});
  }
}
