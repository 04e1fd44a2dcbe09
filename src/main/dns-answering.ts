import { forkEnv } from '../base/env.ts';
import { MachineResolvers } from '../host/network/machine-resolvers.ts';
import { DnsForwarder } from '../network/dns-forwarder.ts';
import { DnsResponder } from '../network/dns-responder.ts';
import { clusterDomain, type Load } from './cluster-dns.ts';

/** Loaded with the first query. */
export const answering: Load = ({ env: given, names, own }) => {
  const env = forkEnv(given, 'dns');
  const forwarder = new DnsForwarder(env, new MachineResolvers({ clock: env.clock, own }));
  return new DnsResponder(env, names, { domain: clusterDomain, forwarder });
};
