import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { ApiRequest, ApiResponse } from '../../api/wire.ts';
import { StopSource } from '../../base/stop.ts';
import { ServerResponse } from '../node-http.ts';
import { duplexOf, isHangUp } from './duplex.ts';
import { deadlines } from './limits.ts';

type Upgrade = Extract<ApiResponse, { readonly upgrade: string }>;

// Fixed by RFC 6455: proves that the server knows what a WebSocket is.
const webSocketSalt = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Upgrades that leave HTTP. An offer of HTTP/2 in plain text is none: it may be, and is, ignored. */
export function leavesHttp(incoming: IncomingMessage): boolean {
  const wanted = incoming.headers.upgrade?.toLowerCase() ?? '';
  return wanted !== '' && !wanted.startsWith('h2c') && !wanted.startsWith('tls/');
}

export function stopWith(socket: Socket): StopSource {
  const source = new StopSource();
  if (socket.destroyed) source.stop();
  else socket.once('close', () => source.stop());
  return source;
}

/** Hands the connection over and closes it when its work is done. */
export async function serveUpgrade(
  incoming: IncomingMessage,
  socket: Socket,
  duplex: NonNullable<ApiRequest['duplex']>,
  answer: Upgrade,
): Promise<void> {
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', `Upgrade: ${answer.upgrade}`];
  const names = new Set(['connection', 'upgrade']);
  for (const [name, value] of Object.entries(answer.headers ?? {})) {
    if (!names.has(name.toLowerCase())) lines.push(`${name}: ${value.replace(/[\r\n]/g, ' ')}`);
    names.add(name.toLowerCase());
  }
  const key = incoming.headers['sec-websocket-key'];
  if (answer.upgrade.toLowerCase() === 'websocket' && key && !names.has('sec-websocket-accept')) {
    lines.push(
      `Sec-WebSocket-Accept: ${createHash('sha1')
        .update(key + webSocketSalt)
        .digest('base64')}`,
    );
  }
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  try {
    await answer.serve(duplex);
    duplex.end();
    // Who has been told the end and does not go holds nothing.
    const letGo = () => setTimeout(() => socket.destroy(), deadlines.lingerMs).unref();
    if (socket.writableFinished) letGo();
    else socket.once('finish', letGo);
  } catch (error) {
    socket.destroy();
    if (!isHangUp(error)) throw error;
  }
}

export function upgradeDuplex(socket: Socket, head: Uint8Array): NonNullable<ApiRequest['duplex']> {
  socket.setTimeout(0);
  socket.setNoDelay(true);
  // Whoever reads or writes hears of it; without a listener it would end the process.
  socket.on('error', () => {});
  return duplexOf(socket, head);
}

/** An ordinary answer where an upgrade was asked for: written as HTTP, then the connection ends. */
export function refusal(incoming: IncomingMessage, socket: Socket): ServerResponse {
  const outgoing = new ServerResponse(incoming);
  outgoing.shouldKeepAlive = false;
  outgoing.assignSocket(socket);
  outgoing.once('finish', () => {
    outgoing.detachSocket(socket);
    socket.end();
  });
  return outgoing;
}
