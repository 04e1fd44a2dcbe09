import type { IncomingMessage } from 'node:http';
import { ApiError } from '../../api/error.ts';

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i;

export function assertLoopback(host: string): void {
  if (!loopback.test(host)) {
    throw new Error(`plain HTTP listens on a loopback address only, and ${host} is none`);
  }
}

/**
 * Whoever reaches the plain listener is believed, and a browser reaches it for any web page. So a page's name that was
 * pointed at this machine is refused (Host), and so is a page from elsewhere that writes here (Origin).
 */
export function assertLocalOrigin(incoming: IncomingMessage): void {
  const { host, origin } = incoming.headers;
  const name = (host ?? '').replace(/:\d+$/, '');
  const from = origin === undefined ? 'localhost' : /^https?:\/\/(.*?)(:\d+)?$/i.exec(origin)?.[1];
  if (loopback.test(name) && from !== undefined && loopback.test(from)) return;
  throw new ApiError('Forbidden', 'the insecure listener answers only to local names and local pages');
}
