import { ApiError } from '../../api/error.ts';
import { WebSocketConnection } from '../../api/streaming/web-socket.ts';
import type { ApiRequest, ApiResponse } from '../../api/wire.ts';
import { encodeBase64 } from '../../base/base64.ts';
import { encodeText } from '../../base/json.ts';

const binary = 'binary.k8s.io';
const base64 = 'base64.binary.k8s.io';

export const asksForSocket = ({ headers, duplex }: ApiRequest): boolean =>
  duplex !== undefined && headers.upgrade?.toLowerCase() === 'websocket';

/** A stream as the messages of a WebSocket, for clients in browsers. */
export function overSocket(request: ApiRequest, stream: AsyncIterable<Uint8Array>): ApiResponse {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((word) => word.trim());
  const protocol = offered.find((word) => word === binary || word === base64 || word === '');
  if (protocol === undefined) {
    throw new ApiError('BadRequest', `none of the protocols ${offered.join(', ')} is one of ${binary}, ${base64}`);
  }
  return {
    status: 101,
    upgrade: 'websocket',
    headers: protocol === '' ? {} : { 'Sec-WebSocket-Protocol': protocol },
    serve: async (peer) => {
      const socket = new WebSocketConnection(peer);
      const gone = heard(socket).then(() => undefined);
      const iterator = stream[Symbol.asyncIterator]();
      for (;;) {
        const next = await Promise.race([iterator.next(), gone]);
        if (!next || next.done) break;
        if (protocol === base64) await socket.send(encodeText(encodeBase64(next.value)), true);
        else await socket.send(next.value);
      }
      void iterator.return?.()?.catch(() => {});
      await socket.close();
    },
  };
}

/** Nothing is said by those who read a log, but that they go. */
async function heard(socket: WebSocketConnection): Promise<void> {
  for await (const _ of socket.messages());
}
