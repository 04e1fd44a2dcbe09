import type { Socket } from 'node:net';
import { IncomingMessage, METHODS } from '../node-http.ts';

const requestLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}) (\/[^ \r\n]*) HTTP\/1\.[01]\r\n/;
/** What decides who asks and how the refusal is written. */
const heeded = ['authorization', 'accept'] as const;

/**
 * A request whose method the parser does not know, as one that is refused everywhere: the parser gives up on it, but
 * it still deserves the answer that its path has. Undefined: it is no request at all.
 */
export function unknownMethodRequest(error: Error, socket: Socket): IncomingMessage | undefined {
  const { code, rawPacket } = error as { readonly code?: string; readonly rawPacket?: Uint8Array };
  if (code !== 'HPE_INVALID_METHOD' || !rawPacket || !socket.writable) return undefined;
  const text = Buffer.from(rawPacket).toString('latin1');
  const [, method, url] = requestLine.exec(text) ?? [];
  // What it knows is not what it gave up on: that stands further behind.
  if (method === undefined || url === undefined || METHODS.includes(method)) return undefined;
  const incoming = new IncomingMessage(socket);
  incoming.method = 'OPTIONS';
  incoming.url = url;
  incoming.httpVersion = '1.1';
  incoming.httpVersionMajor = 1;
  incoming.httpVersionMinor = 1;
  const head = text.slice(0, text.indexOf('\r\n\r\n') + 2);
  for (const name of heeded) {
    const value = new RegExp(`\\r\\n${name}:[ \\t]*([^\\r\\n]*)\\r\\n`, 'i').exec(head)?.[1];
    if (value !== undefined) incoming.headers[name] = value;
  }
  return incoming;
}

/** What is no HTTP gets the shortest answer there is. */
export function refuseBadRequest(socket: Socket): void {
  if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
  else socket.destroy();
}
