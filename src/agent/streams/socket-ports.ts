import { ApiError } from '../../api/error.ts';
import { WebSocketConnection } from '../../api/streaming/web-socket.ts';
import type { ApiResponse, Duplex } from '../../api/wire.ts';
import { decodeBase64, encodeBase64 } from '../../base/base64.ts';
import { encodeText } from '../../base/json.ts';
import { type Connect, forwardError } from './forwarding.ts';
import { agreed, agreement, type WantedUpgrade } from './upgrade.ts';

const protocols = ['v4.channel.k8s.io', 'v4.base64.channel.k8s.io'];
const portsMax = 100;

interface SocketPorts {
  readonly ports: readonly string[];
  readonly about: string;
  readonly connect: Connect;
}

/** The older way over a WebSocket: the ports stand in the query, and each has two channels, for data and errors. */
export function socketPorts(upgrade: WantedUpgrade, { ports, about, connect }: SocketPorts): ApiResponse {
  const protocol = agreed(upgrade, protocols, protocols[0] as string);
  const numbers = ports.map(portNumber);
  if (numbers.length === 0 || numbers.length > portsMax) {
    throw new ApiError('BadRequest', `query parameter "port" is required, and at most ${portsMax} times`);
  }
  return {
    status: 101,
    upgrade: 'websocket',
    headers: agreement(upgrade, protocol),
    serve: (peer) => serveSocketPorts(new WebSocketConnection(peer), protocol, { numbers, about, connect }),
  };
}

async function serveSocketPorts(
  socket: WebSocketConnection,
  protocol: string,
  { numbers, about, connect }: Omit<SocketPorts, 'ports'> & { readonly numbers: readonly number[] },
): Promise<void> {
  const base64 = protocol.includes('base64');
  const send = (channel: number, bytes: Uint8Array): Promise<void> =>
    base64
      ? socket.send(encodeText(`${channel}${encodeBase64(bytes)}`), true)
      : socket.send(Uint8Array.of(channel, ...bytes));
  const fars = await Promise.all(
    numbers.map(async (port, index) => {
      // Each channel begins with the number of its port.
      await send(index * 2, Uint8Array.of(port & 0xff, port >> 8));
      await send(index * 2 + 1, Uint8Array.of(port & 0xff, port >> 8));
      const fail = (cause: unknown) => send(index * 2 + 1, encodeText(forwardError(port, about, cause)));
      const far = await connect(port).catch(fail);
      if (far) void back(far, (bytes) => send(index * 2, bytes)).catch(fail);
      return far ?? undefined;
    }),
  );
  try {
    for await (const { bytes } of socket.messages()) {
      const [first = 0] = bytes;
      const channel = base64 ? first - 48 : first;
      const rest = bytes.subarray(1);
      if (channel % 2 === 0) {
        await fars[channel / 2]?.write(base64 ? decodeBase64(new TextDecoder().decode(rest)) : rest);
      }
    }
  } finally {
    for (const far of fars) far?.end();
    await socket.close();
  }
}

async function back(far: Duplex, send: (bytes: Uint8Array) => Promise<void>): Promise<void> {
  for await (const bytes of far.incoming) await send(bytes);
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) {
    throw new ApiError('BadRequest', `unable to parse ${JSON.stringify(text)} as a port`);
  }
  return port;
}
