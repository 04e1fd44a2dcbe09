import { ApiError } from '../../api/error.ts';
import type { ApiRequest } from '../../api/wire.ts';

/** How a client wants to speak once the connection is no longer HTTP. */
export interface WantedUpgrade {
  readonly carrier: 'websocket' | 'spdy';
  /** In the order of the client's liking. */
  readonly protocols: readonly string[];
}

export const spdyCarrier = 'SPDY/3.1';
export const spdyProtocolHeader = 'X-Stream-Protocol-Version';
export const socketProtocolHeader = 'Sec-WebSocket-Protocol';

export function upgradeOf({ headers, duplex }: ApiRequest): WantedUpgrade {
  const wanted = headers.upgrade?.toLowerCase();
  const upgrades = duplex !== undefined && /\bupgrade\b/i.test(headers.connection ?? '');
  if (upgrades && wanted === 'websocket') {
    return { carrier: 'websocket', protocols: words(headers['sec-websocket-protocol']) };
  }
  if (upgrades && wanted === 'spdy/3.1') {
    return { carrier: 'spdy', protocols: words(headers['x-stream-protocol-version']) };
  }
  throw new ApiError('BadRequest', 'Upgrade request required');
}

const words = (text = ''): readonly string[] =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');

/** The first protocol of the client's that is spoken here. A client that names none speaks the first there was. */
export function agreed(wanted: WantedUpgrade, spoken: readonly string[], unnamed: string): string {
  if (wanted.protocols.length === 0) return unnamed;
  const found = wanted.protocols.find((protocol) => spoken.includes(protocol));
  if (found !== undefined) return found;
  const message = `unable to upgrade: none of the protocols ${wanted.protocols.join(', ')} is one of ${spoken.join(', ')}`;
  throw new ApiError(wanted.carrier === 'spdy' ? 'Forbidden' : 'BadRequest', message);
}

/** The headers of the answer that say what was agreed. */
export function agreement({ carrier, protocols }: WantedUpgrade, protocol: string): Readonly<Record<string, string>> {
  if (protocols.length === 0) return {};
  return { [carrier === 'spdy' ? spdyProtocolHeader : socketProtocolHeader]: protocol };
}

export const carrierName = ({ carrier }: WantedUpgrade): string => (carrier === 'spdy' ? spdyCarrier : 'websocket');
