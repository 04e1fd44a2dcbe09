import { ipAddress } from '../api/names.ts';
import { recordTypes } from './dns-message.ts';
import { clusterAddresses } from './kube-dns.ts';
import { answerOf, isWithin, type NameView, type Zone } from './resolver.ts';
import { routesOf } from './table.ts';

/** Where a program that cannot find names by itself is to be connected to. */
export type NameWays =
  /** These one after another, until one answers. */
  | { readonly places: readonly { readonly ip: string; readonly port: number }[] }
  /** The world knows it, by this name. */
  | { readonly outside: string };

/** Names with fewer dots are looked for in the cluster first, as in a pod's resolver file. */
const dotsMin = 5;

/**
 * What a host and port mean for a pod of a namespace. Addresses of Services are followed to the pods behind them, as
 * where this is needed nothing else leads there.
 */
export function waysOf(
  { zone, view }: { readonly zone: Zone; readonly view: NameView & ServicesByAddress },
  host: string,
  port: number,
  namespace: string,
): NameWays {
  const name = host.toLowerCase().replace(/\.$/, '');
  if (ipAddress(name).length === 0) return { places: behind(view, name, port) };
  for (const candidate of candidates(name, zone.domain, namespace)) {
    if (!isWithin(candidate, zone.domain)) return { outside: name };
    const answers = [recordTypes.A, recordTypes.AAAA].map((type) => answerOf(zone, view, candidate, type));
    const outside = answers.find((answer) => answer?.outside)?.outside;
    if (outside) return { outside };
    const addresses = answers
      .flatMap((answer) => answer?.answers ?? [])
      .flatMap((record) => {
        return 'address' in record ? [record.address] : [];
      });
    if (addresses.length > 0) return { places: addresses.flatMap((ip) => behind(view, ip, port)) };
  }
  return { places: [] };
}

export interface ServicesByAddress {
  /** The namespace and name of the Service that has this address. */
  serviceAt(ip: string): { readonly namespace: string; readonly name: string } | undefined;
}

function candidates(name: string, domain: string, namespace: string): readonly string[] {
  const found = [`${namespace}.svc.${domain}`, `svc.${domain}`, domain].map((suffix) => `${name}.${suffix}`);
  const bare = isWithin(name, domain);
  if (name.split('.').length > dotsMin || bare) return [name, ...found];
  return [...found, name];
}

function behind(view: NameView & ServicesByAddress, ip: string, port: number) {
  const key = view.serviceAt(ip);
  const service = key && view.service(key.namespace, key.name);
  if (!service || !clusterAddresses(service).includes(ip)) return [{ ip, port }];
  return routesOf(service, view.slices(key.namespace, key.name))
    .filter((route) => route.vip === ip && route.port === port && route.protocol === 'TCP')
    .flatMap(({ backends }) => backends);
}
