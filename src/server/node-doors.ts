import type { Stop } from '../base/stop.ts';

export interface LogQuery {
  readonly container: string;
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  readonly sinceTime?: string;
  readonly limitBytes?: number;
}

/** How the server reaches what runs on a node. A port: in one process a call, otherwise the node's own API. */
export interface NodeDoors {
  logs(
    node: string,
    pod: { readonly namespace: string; readonly name: string; readonly uid: string },
    query: LogQuery,
    stop: Stop,
  ): Promise<AsyncIterable<Uint8Array>>;
}
