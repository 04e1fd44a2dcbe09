import { forkEnv } from '../base/env.ts';
import type { Answering } from '../host/network/dns-server.ts';
import { MachineResolvers } from '../host/network/machine-resolvers.ts';
import type { FindWays } from '../host/network/name-proxy.ts';
import { ClusterNames } from '../network/cluster-names.ts';
import { DnsForwarder } from '../network/dns-forwarder.ts';
import { clusterTtls, DnsResponder } from '../network/dns-responder.ts';
import { waysOf } from '../network/name-ways.ts';
import { type AnsweringParts, clusterDomain } from './cluster-dns.ts';

// Loaded with the first query, or the first connection to the proxy.

export function answering({ env: given, names, own }: Omit<AnsweringParts, 'resolve'>): Answering {
  const env = forkEnv(given, 'dns');
  const forwarder = new DnsForwarder(env, new MachineResolvers({ clock: env.clock, own }));
  return new DnsResponder(env, names, { domain: clusterDomain, forwarder });
}

export function findWays({ names, resolve }: AnsweringParts): FindWays {
  const zone = { domain: clusterDomain, ...clusterTtls, serial: 0 };
  const view = new ClusterNames(names, zone, (answer) => answer);
  let turn = 0;
  return async (host, port, namespace) => {
    const ways = waysOf({ zone, view }, host, port, namespace);
    if ('outside' in ways) return [{ host: ways.outside, port }];
    // Another one is the first each time.
    const start = turn++ % Math.max(1, ways.places.length);
    const places = [...ways.places.slice(start), ...ways.places.slice(0, start)];
    return places.map((place) => resolve(place.ip, place.port));
  };
}
