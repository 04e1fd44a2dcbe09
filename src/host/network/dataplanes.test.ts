import { dataplaneConformance } from '../../network/dataplane.conformance.ts';
import type { Backend, Route } from '../../network/dataplane.ts';
import { hostEnv } from '../env.ts';
import { forget } from './nftables/conntrack.ts';
import { hasNftables, NftablesDataplane } from './nftables/nftables.ts';
import { Programs } from './programs.test-data.ts';
import { addServiceAddresses, removeServiceAddresses } from './service-addresses.ts';
import { UserspaceDataplane } from './userspace.ts';

const quiet = { debug() {}, info() {}, error() {} };
const env = { ...hostEnv({ seed: 'dataplanes' }), log: quiet };
// Addresses for documentation: nobody's.
const range = '203.0.113.64/28';
const addresses = 14;
let claims = 0;
/**
 * Each claim has another address: the kernel leads a client that takes the port of a connection which was just reset to
 * where that one led, and after the claim before nobody is there.
 */
const vip = (): string => `203.0.113.${65 + (claims % addresses)}`;

const route = (backends: readonly Backend[], more: Partial<Route> = {}): Route => ({
  namespace: 'default',
  name: 'web',
  portName: '',
  scope: 'cluster',
  vip: vip(),
  port: 80,
  protocol: 'TCP',
  backends: backends.map(({ ip, port }) => ({ ip, port })),
  ...more,
});

async function withoutRoot() {
  const plane = new UserspaceDataplane({ env, serviceAddresses: false });
  const programs = new Programs();
  return {
    plane,
    at: ({ scope, port, portName, name, namespace }: Route) => {
      if (scope === 'node') return { host: '127.0.0.1', port };
      const service = `${namespace}/${name}${portName ? `:${portName}` : ''}`;
      const [host, local] = plane
        .printed()
        .find((one) => one.service === service)
        ?.local?.split(':') ?? ['127.0.0.1', '1'];
      return { host: host as string, port: Number(local) };
    },
    ...methods(programs),
    dispose: async () => {
      plane.close();
      await programs.dispose();
    },
  };
}

async function atAddresses(make: () => { readonly plane: UserspaceDataplane | NftablesDataplane }) {
  claims++;
  await addServiceAddresses(range, 'conformance');
  const { plane } = make();
  const programs = new Programs();
  return {
    plane,
    at: ({ scope, vip: host, port }: Route) => ({ host: scope === 'node' ? '127.0.0.1' : host, port }),
    ...methods(programs),
    dispose: async () => {
      await plane.close();
      await programs.dispose();
      await removeServiceAddresses(range, 'conformance');
    },
  };
}

const methods = (programs: Programs) => ({
  program: (name: string) => programs.program(name),
  datagrams: (name: string) => programs.datagrams(name),
  ask: programs.ask.bind(programs),
  open: programs.open.bind(programs),
  sender: () => programs.sender(),
  freePort: () => programs.freePort(),
});

dataplaneConformance('printed user-space', withoutRoot, route);

const isRoot = await addServiceAddresses(range, 'conformance');
if (isRoot) await removeServiceAddresses(range, 'conformance');
dataplaneConformance(
  'user-space',
  () => atAddresses(() => ({ plane: new UserspaceDataplane({ env, serviceAddresses: true }) })),
  route,
  isRoot ? {} : { all: 'needs root on Linux, and the tool ip' },
);

const cluster = `conformance ${process.pid}`;
dataplaneConformance(
  'nftables',
  () =>
    atAddresses(() => ({
      plane: new NftablesDataplane({ env, cluster, podRange: '203.0.113.128/25', bridged: true }),
    })),
  route,
  {
    ...(isRoot && (await hasNftables()) ? {} : { all: 'needs root on Linux, and the tool nft' }),
    ...((await forget([['--orig-dst', vip()]])) ? {} : { samePort: 'needs the tool conntrack' }),
  },
);
