import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint, EndpointSlice } from '../api/kinds/endpoint-slice.ts';
import type { Service, ServiceSpec } from '../api/kinds/service.ts';
import { decodeText } from '../base/json.ts';
import { type DnsRecord, recordTypes } from './dns-message.ts';
import { answerOf, type NameView } from './resolver.ts';

const zone = { domain: 'cluster.local', ttlSeconds: 30, absentSeconds: 5, serial: 7 };
const meta = (name: string, namespace = 'shop') => ({
  name,
  namespace,
  uid: name,
  resourceVersion: '1',
  creationTimestamp: '',
});
const service = (name: string, spec: ServiceSpec, namespace?: string): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: meta(name, namespace),
  spec,
});
const slice = (
  addressType: string,
  endpoints: readonly Endpoint[],
  ports: EndpointSlice['ports'] = [{ name: 'http', port: 8080, protocol: 'TCP' }],
): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: meta('slice'),
  addressType,
  endpoints,
  ports,
});
const headless: ServiceSpec = { clusterIP: 'None', clusterIPs: ['None'] };
const http = { name: 'http', port: 80, protocol: 'TCP' };

const all: readonly Service[] = [
  service('web', {
    clusterIP: '10.96.0.20',
    ports: [http, { name: 'admin', port: 81 }, { name: 'log', port: 9, protocol: 'UDP' }],
  }),
  service('unnamed', { clusterIP: '10.96.0.21', ports: [{ port: 8080 }] }),
  service('portless', { clusterIP: '10.96.0.22' }),
  service('both', { clusterIP: '10.96.0.23', clusterIPs: ['10.96.0.23', 'fd00::23'], ports: [http] }),
  service('six', { clusterIP: 'fd00::24', clusterIPs: ['fd00::24'], ports: [http] }),
  service('pets', { ...headless, ports: [http] }),
  service('bare', headless),
  service('lonely', { ...headless, ports: [http] }),
  service('away', { type: 'ExternalName', externalName: 'Shop.example.com.' }),
  service('near', { type: 'ExternalName', externalName: 'web.shop.svc.cluster.local' }),
  service('nowhere', { type: 'ExternalName', externalName: 'gone.shop.svc.cluster.local' }),
  service('round', { type: 'ExternalName', externalName: 'round.shop.svc.cluster.local' }),
  service('number', { type: 'ExternalName', externalName: '192.0.2.7' }),
  service('kube-dns', { clusterIP: '10.96.0.10', ports: [{ name: 'dns', port: 53, protocol: 'UDP' }] }, 'kube-system'),
];
const slices: Readonly<Record<string, readonly EndpointSlice[]>> = {
  pets: [
    slice('IPv4', [
      { addresses: ['10.244.0.5'], hostname: 'Pet-0', conditions: { ready: true } },
      { addresses: ['10.244.0.6'] },
      { addresses: ['10.244.0.7'], hostname: 'twin' },
      { addresses: ['10.244.0.8'], hostname: 'twin' },
      { addresses: ['10.244.0.9'], hostname: 'late', conditions: { ready: false } },
    ]),
    slice('IPv6', [{ addresses: ['fd00::1:5'] }]),
    slice('FQDN', [{ addresses: ['pets.example.com'] }]),
  ],
  bare: [slice('IPv4', [{ addresses: ['10.244.0.20'] }], null)],
  lonely: [slice('IPv4', [{ addresses: ['10.244.0.30'], conditions: { ready: false } }])],
  web: [slice('IPv4', [{ addresses: ['10.244.0.40'] }])],
};
const view: NameView = {
  hasNamespace: (name) => ['shop', 'kube-system', 'empty'].includes(name),
  service: (namespace, name) => all.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name),
  slices: (namespace, name) => (namespace === 'shop' ? (slices[name] ?? []) : []),
  namesAt: (ip) => ({ '10.96.0.20': ['web.shop.svc'], 'fd00::23': ['both.shop.svc'] })[ip] ?? [],
};

const codeNames: Readonly<Record<number, string>> = { 0: 'NOERROR', 2: 'SERVFAIL', 3: 'NXDOMAIN' };
const shortName = (name: string) => name.replace(/\.shop\.svc\.cluster\.local$/, '');

/** As dig prints it, without the class, and without the domain of the namespace shop. */
function text(record: DnsRecord): string {
  const start = `${shortName(record.name)} ${record.ttl} ${record.type}`;
  if ('address' in record) return `${start} ${record.address}`;
  if (record.type === 'SRV')
    return `${start} ${record.priority} ${record.weight} ${record.port} ${shortName(record.target)}`;
  if ('target' in record) return `${start} ${shortName(record.target)}`;
  if (record.type === 'TXT') return `${start} ${record.texts.map(decodeText).join(' ')}`;
  if (record.type === 'SOA') return `${start} ${record.server} ${record.minimum}`;
  return `${start}?`;
}

function ask(name: string, type: keyof typeof recordTypes | number): readonly string[] | string {
  const number = typeof type === 'number' ? type : recordTypes[type];
  const answer = answerOf(zone, view, name, number);
  if (!answer) return 'elsewhere';
  const lines = [...answer.answers.map(text), ...answer.additional.map((record) => `+ ${text(record)}`)];
  const outside = answer.outside === undefined ? [] : [`-> ${answer.outside}`];
  const soa = answer.authority.map((record) => text(record));
  assert.deepEqual(soa, soa.length > 0 ? ['cluster.local 5 SOA ns.dns.cluster.local 5'] : []);
  // Where there is nothing, it is said for how long.
  const negative = answer.code === 3 || (answer.code === 0 && answer.answers.length === 0);
  assert.equal(soa.length > 0, negative || (answer.code === 0 && soa.length > 0), name);
  return answer.code === 0 && lines.length > 0
    ? [...lines, ...outside]
    : [codeNames[answer.code] ?? String(answer.code), ...lines, ...outside];
}

type Case = readonly [name: string, type: keyof typeof recordTypes | number, ...expected: readonly string[]];
const shop = (cases: readonly Case[]): readonly Case[] =>
  cases.map(([name, type, ...expected]) => [`${name}.shop.svc.cluster.local`, type, ...expected]);

const tables: Readonly<Record<string, readonly Case[]>> = {
  'a service with a cluster address': shop([
    ['web', 'A', 'web 30 A 10.96.0.20'],
    ['web', 'AAAA', 'NOERROR'],
    ['web', 'TXT', 'NOERROR'],
    ['web', 'SOA', 'NOERROR'],
    ['web', 255, 'NOERROR'],
    [
      'web',
      'SRV',
      'web 30 SRV 0 33 80 web',
      'web 30 SRV 0 33 81 web',
      'web 30 SRV 0 33 9 web',
      '+ web 30 A 10.96.0.20',
    ],
    ['_http._tcp.web', 'SRV', '_http._tcp.web 30 SRV 0 100 80 web', '+ web 30 A 10.96.0.20'],
    ['_log._udp.web', 'SRV', '_log._udp.web 30 SRV 0 100 9 web', '+ web 30 A 10.96.0.20'],
    ['_http._tcp.web', 'A', '_http._tcp.web 30 A 10.96.0.20'],
    ['_http._udp.web', 'SRV', 'NXDOMAIN'],
    ['_none._tcp.web', 'SRV', 'NXDOMAIN'],
    ['x._http._tcp.web', 'SRV', 'NXDOMAIN'],
    ['unnamed', 'SRV', 'unnamed 30 SRV 0 100 8080 unnamed', '+ unnamed 30 A 10.96.0.21'],
    ['portless', 'A', 'portless 30 A 10.96.0.22'],
    ['portless', 'SRV', 'NOERROR'],
    ['10-244-0-40.web', 'A', '10-244-0-40.web 30 A 10.244.0.40'],
    ['nobody.web', 'A', 'NXDOMAIN'],
    ['none', 'A', 'NXDOMAIN'],
    ['none', 'SRV', 'NXDOMAIN'],
  ]),
  'a service of two families': shop([
    ['both', 'A', 'both 30 A 10.96.0.23'],
    ['both', 'AAAA', 'both 30 AAAA fd00::23'],
    ['both', 'SRV', 'both 30 SRV 0 50 80 both', '+ both 30 A 10.96.0.23', '+ both 30 AAAA fd00::23'],
    ['six', 'A', 'NOERROR'],
    ['six', 'AAAA', 'six 30 AAAA fd00::24'],
  ]),
  'a headless service': shop([
    ['pets', 'A', 'pets 30 A 10.244.0.5', 'pets 30 A 10.244.0.6', 'pets 30 A 10.244.0.7', 'pets 30 A 10.244.0.8'],
    ['pets', 'AAAA', 'pets 30 AAAA fd00::1:5'],
    ['pet-0.pets', 'A', 'pet-0.pets 30 A 10.244.0.5'],
    ['pet-0.pets', 'AAAA', 'NOERROR'],
    ['twin.pets', 'A', 'twin.pets 30 A 10.244.0.7', 'twin.pets 30 A 10.244.0.8'],
    ['10-244-0-6.pets', 'A', '10-244-0-6.pets 30 A 10.244.0.6'],
    ['fd00--1-5.pets', 'AAAA', 'fd00--1-5.pets 30 AAAA fd00::1:5'],
    ['10-244-0-5.pets', 'A', 'NXDOMAIN'],
    ['late.pets', 'A', 'NXDOMAIN'],
    ['_http._tcp.late.pets', 'A', 'NXDOMAIN'],
    ['pet-0.pets', 'SRV', 'pet-0.pets 30 SRV 0 100 8080 pet-0.pets', '+ pet-0.pets 30 A 10.244.0.5'],
    [
      '_http._tcp.pets',
      'SRV',
      '_http._tcp.pets 30 SRV 0 20 8080 pet-0.pets',
      '_http._tcp.pets 30 SRV 0 20 8080 10-244-0-6.pets',
      '_http._tcp.pets 30 SRV 0 20 8080 twin.pets',
      '_http._tcp.pets 30 SRV 0 20 8080 fd00--1-5.pets',
      '+ pet-0.pets 30 A 10.244.0.5',
      '+ 10-244-0-6.pets 30 A 10.244.0.6',
      '+ twin.pets 30 A 10.244.0.7',
      '+ twin.pets 30 A 10.244.0.8',
      '+ fd00--1-5.pets 30 AAAA fd00::1:5',
    ],
    ['_other._tcp.pets', 'SRV', 'NXDOMAIN'],
    ['bare', 'A', 'bare 30 A 10.244.0.20'],
    ['bare', 'SRV', 'NOERROR'],
    ['lonely', 'A', 'NXDOMAIN'],
  ]),
  'an external name': shop([
    ['away', 'A', 'away 30 CNAME Shop.example.com', '-> shop.example.com'],
    ['away', 'AAAA', 'away 30 CNAME Shop.example.com', '-> shop.example.com'],
    ['away', 'CNAME', 'away 30 CNAME Shop.example.com'],
    ['x.away', 'A', 'NXDOMAIN'],
    ['_http._tcp.away', 'SRV', 'NXDOMAIN'],
    ['near', 'A', 'near 30 CNAME web', 'web 30 A 10.96.0.20'],
    ['near', 'AAAA', 'near 30 CNAME web'],
    ['nowhere', 'A', 'NXDOMAIN', 'nowhere 30 CNAME gone'],
    ['round', 'A', 'SERVFAIL'],
    ['number', 'A', 'NXDOMAIN'],
  ]),
  'names of pods': [
    ['10-1-2-3.shop.pod.cluster.local', 'A', '10-1-2-3.shop.pod.cluster.local 30 A 10.1.2.3'],
    ['10-1-2-3.shop.pod.cluster.local', 'AAAA', 'NOERROR'],
    ['fd00--7.shop.pod.cluster.local', 'AAAA', 'fd00--7.shop.pod.cluster.local 30 AAAA fd00::7'],
    ['10-1-2-300.shop.pod.cluster.local', 'A', 'NXDOMAIN'],
    ['web.shop.pod.cluster.local', 'A', 'NXDOMAIN'],
    ['x.10-1-2-3.shop.pod.cluster.local', 'A', 'NXDOMAIN'],
    ['10-1-2-3.nobody.pod.cluster.local', 'A', 'NXDOMAIN'],
  ],
  'the tree above': [
    ['cluster.local', 'SOA', 'cluster.local 5 SOA ns.dns.cluster.local 5'],
    ['cluster.local', 'A', 'NOERROR'],
    [
      'cluster.local',
      'NS',
      'cluster.local 30 NS kube-dns.kube-system.svc.cluster.local',
      '+ kube-dns.kube-system.svc.cluster.local 30 A 10.96.0.10',
    ],
    ['ns.dns.cluster.local', 'A', 'ns.dns.cluster.local 30 A 10.96.0.10'],
    ['dns.cluster.local', 'A', 'NOERROR'],
    ['x.dns.cluster.local', 'A', 'NXDOMAIN'],
    ['svc.cluster.local', 'A', 'NOERROR'],
    ['pod.cluster.local', 'NS', 'NOERROR'],
    ['shop.svc.cluster.local', 'A', 'NOERROR'],
    ['empty.pod.cluster.local', 'A', 'NOERROR'],
    ['nobody.svc.cluster.local', 'NS', 'NXDOMAIN'],
    ['web.nobody.svc.cluster.local', 'A', 'NXDOMAIN'],
    ['foo.cluster.local', 'A', 'NXDOMAIN'],
    ['dns-version.cluster.local', 'TXT', 'dns-version.cluster.local 28800 TXT 1.1.0'],
    ['dns-version.cluster.local', 'A', 'NOERROR'],
    ['x.dns-version.cluster.local', 'TXT', 'NXDOMAIN'],
    ['www.example.com.shop.svc.cluster.local', 'A', 'NXDOMAIN'],
  ],
  'the way back from an address': [
    ['20.0.96.10.in-addr.arpa', 'PTR', '20.0.96.10.in-addr.arpa 30 PTR web'],
    [
      '3.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa',
      'PTR',
      '3.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa 30 PTR both',
    ],
  ],
};

for (const [title, cases] of Object.entries(tables)) {
  test(`answerOf follows upstream's rules for ${title}`, () => {
    for (const [name, type, ...expected] of cases) assert.deepEqual(ask(name, type), expected, `${name} ${type}`);
  });
}

test('answerOf leaves to others what is not of the cluster, and addresses that nobody here has', () => {
  const names = ['example.com', 'local', 'notcluster.local', '', '21.0.96.10.in-addr.arpa', 'x.in-addr.arpa'];
  names.push('1.2.ip6.arpa', 'in-addr.arpa');
  for (const name of names) assert.equal(ask(name, 'PTR'), 'elsewhere', name);
});
