import { ApiError } from '../../api/error.ts';
import { portConnection } from '../../api/streaming/port-connection.ts';
import type { Duplex, Transport } from '../../api/wire.ts';
import type { PodPlace } from '../node-doors.ts';

/**
 * A connection to a port of a pod, by way of its node: as port-forward does it. The pod's own address need not lead
 * anywhere from here.
 */
export function podConnection(node: Transport, { namespace, name }: PodPlace, port: number): Promise<Duplex> {
  return portConnection(async (request) => {
    const path = `/portForward/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
    const answer = await node({ ...request, path, query: [] });
    if ('upgrade' in answer) return answer;
    throw new ApiError('ServiceUnavailable', `the node of pod ${name} answered ${answer.status}`);
  }, port);
}
