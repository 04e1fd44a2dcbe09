import type { Outward } from '../../server/outward.ts';
import { httpTransport } from './client.ts';

export type Place = { readonly host: string; readonly port: number };

/** Targets remembered with their connections: webhooks are few, and asked often. */
const transportsMax = 100;

/** The server's own calls over HTTPS. `resolve` knows where a pod's port is really heard. */
export function httpsOutward(resolve: (host: string, port: number) => Place): Outward {
  const known = new Map<string, ReturnType<Outward>>();
  return (target) => {
    const { server, serverName, authority } = target;
    const key = JSON.stringify([server, serverName, authority]);
    const transport = known.get(key);
    if (transport) return transport;
    const { hostname, port } = new URL(server);
    const place = resolve(hostname.replace(/^\[|\]$/g, ''), Number(port || 443));
    const host = place.host.includes(':') ? `[${place.host}]` : place.host;
    const made = httpTransport({
      server: `https://${host}:${place.port}`,
      ...(serverName === undefined ? {} : { serverName }),
      ...(authority === undefined ? {} : { ca: authority }),
    });
    if (known.size >= transportsMax) known.delete(known.keys().next().value as string);
    known.set(key, made);
    return made;
  };
}
