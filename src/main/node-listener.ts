import { NodeApi } from '../agent/node-api.ts';
import type { NodeDoor } from '../agent/node-door.ts';
import { NodeGate } from '../agent/node-gate.ts';
import type { Component, Instant } from '../base/env.ts';
import type { Followed } from '../base/followed.ts';
import type { Client } from '../client/client.ts';
import type { HostEnv } from '../host/env.ts';
import type { Access } from '../host/http/client.ts';
import { type Address, serveHttp } from '../host/http/server.ts';
import { createAuthority, issue } from '../host/x509/certificate.ts';

export interface NodeListener {
  /** The address at which it is heard: the node's own, where it was told to listen everywhere. */
  readonly host: string;
  readonly port: number;
  /** PEM: who signed the certificate that is shown. */
  readonly authority: string;
  /** From now on requests are answered. */
  open(door: NodeDoor): Component;
}

export const isEverywhere = (host: string): boolean => host === '0.0.0.0' || host === '::';

/** A node's own API over HTTPS, for an agent in a process of its own. Only who the cluster lets in gets in. */
export async function listenAsNode(
  env: HostEnv,
  client: Client,
  {
    node,
    nodeIp,
    listen,
    access,
  }: {
    readonly node: string;
    readonly nodeIp: string;
    readonly listen: Address;
    /** Whose authority the cluster is known by. */
    readonly access: Followed<Access>;
  },
): Promise<NodeListener> {
  const host = isEverywhere(listen.host) ? nodeIp : listen.host;
  const now = Date.now() as Instant;
  // As upstream's: made by the node for itself, at each start. It tells the cluster in its Node object.
  const authority = createAuthority(`${node}-node-api`, now);
  const subject = { name: `system:node:${node}`, groups: ['system:nodes'] };
  const pair = issue(authority, {
    subject,
    use: ['server'],
    names: [...new Set([host, nodeIp]), node, 'localhost'],
    now,
  });
  let gate: NodeGate | undefined;
  const http = await serveHttp(
    env,
    async (request) => (gate ? gate.handle(request) : { status: 503, chunks: [], mediaType: 'text/plain' }),
    { listen, pair, clientAuthority: access.now.ca ?? '' },
  );
  access.follow(({ ca = '' }) => http.replaceTrust(pair, ca));
  return {
    host,
    port: http.port,
    authority: authority.certificate,
    open: (door) => {
      const api = new NodeApi({ env, node, door, metrics: () => env.metrics.render() });
      gate = new NodeGate(env.clock, client, node, api.handle);
      return {
        name: `node-api/${node}`,
        run: async (stop) => {
          await new Promise<void>((resolve) => stop.onStop(resolve));
          await http.close(0);
        },
      };
    },
  };
}
