import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { defineFlags, UsageError, type Values } from '../cli/flags.ts';
import type { Address } from '../host/http/server.ts';

/** Flags of everything that runs a server. */
export const serverFlags = defineFlags({
  'data-dir': { type: 'text', value: 'DIR', help: 'where state, keys and pods are kept; :memory: keeps nothing' },
  name: { type: 'text', default: 'default', value: 'NAME', help: 'names the cluster, and its data folder' },
  listen: {
    type: 'text',
    default: '127.0.0.1:6443',
    value: 'ADDRESS:PORT',
    help: 'where the API is served; port 0 takes any',
  },
  kubeconfig: { type: 'text', value: 'FILE', help: 'written when the server is ready, with admin rights' },
  'insecure-listen': { type: 'text', value: 'ADDRESS:PORT', help: 'plain HTTP too, on loopback only' },
  'token-auth-file': { type: 'text', value: 'FILE', help: 'tokens, one a line: token,user,uid,"groups"' },
  'authentication-config': { type: 'text', value: 'FILE', help: 'issuers of tokens that are believed' },
  'authentication-token-webhook-config-file': {
    type: 'text',
    value: 'FILE',
    help: 'a kubeconfig of who else knows tokens',
  },
  'authorization-config': { type: 'text', value: 'FILE', help: 'who is asked who may do what, in which order' },
  'authorization-webhook-config-file': {
    type: 'text',
    value: 'FILE',
    help: 'a kubeconfig of who decides what roles leave open',
  },
  'enable-admission-plugins': { type: 'text', value: 'NAMES', help: 'plugins that are off by default, with commas' },
  'disable-admission-plugins': { type: 'text', value: 'NAMES', help: 'plugins that are on by default, with commas' },
  'admission-control-config-file': {
    type: 'text',
    value: 'FILE',
    help: 'an AdmissionConfiguration: for whom pod security holds, how many events are heard',
  },
  'cluster-signing-duration': {
    type: 'text',
    default: '8760h',
    value: 'TIME',
    help: 'how long certificates live that are asked for by requests',
  },
  'audit-log': { type: 'text', value: 'FILE', help: 'where it is written down who did what, an event a line' },
  'audit-policy': {
    type: 'text',
    value: 'FILE',
    help: 'how much of what is written down: a Policy of audit.k8s.io/v1',
  },
  'service-range': { type: 'text', default: '10.96.0.0/16', value: 'CIDR', help: 'addresses of Services' },
  prometheus: { type: 'text', value: 'URL', help: 'who knows what external metrics autoscalers ask for' },
  'log-level': { type: 'choice', choices: ['debug', 'info', 'error'], default: 'info', help: 'how much is logged' },
});

export const loneServerFlags = defineFlags({
  ...serverFlags,
  'resource-metrics': { type: 'switch', help: 'serve what nodes and pods use, as agents of this project tell it' },
});

/** How patient the cluster is with nodes. */
export const timing = {
  type: 'choice',
  choices: ['quick', 'upstream'],
  default: 'quick',
  help: 'how soon a silent node is given up: within seconds, or as upstream does',
} as const;

/** Where HTTP comes in from outside. */
export const httpFlags = defineFlags({
  'http-listen': {
    type: 'text',
    value: 'ADDRESS:PORT',
    help: 'where Ingresses are served; otherwise 127.0.0.1:80, or 8081 without the right to it',
  },
  'https-listen': { type: 'text', value: 'ADDRESS:PORT', help: 'the same with TLS; otherwise port 443, or 8443' },
  'access-log': {
    type: 'text',
    value: 'FILE',
    help: 'a line for each request that the HTTP proxy answers; - is stderr',
  },
});

const rebalance = {
  type: 'switch',
  help: 'move pods to nodes that come back or are added, as far as disruption budgets allow',
} as const;

export const dataplaneFlag = {
  type: 'choice',
  choices: ['auto', 'nftables', 'userspace', 'none'],
  default: 'auto',
  help: 'what leads to Services; auto is nftables where root on Linux has the tool nft',
} as const;

const balancerFlag = {
  type: 'text',
  value: 'CIDR|localhost',
  help: 'where services of type LoadBalancer get their addresses',
} as const;
/** Flags of everything that runs nodes of this machine. */
export const nodeFlags = defineFlags({
  'eviction-hard': {
    type: 'text',
    default: 'memory.available<100Mi,nodefs.available<1%,nodefs.inodesFree<1%,imagefs.available<1%',
    value: 'SIGNALS',
    help: 'what a node has left when it begins to send pods away; empty: it never does',
  },
  'eviction-soft': {
    type: 'text',
    default: '',
    value: 'SIGNALS',
    help: 'what it has left when it begins to send pods away after a while',
  },
  'eviction-soft-grace-period': {
    type: 'text',
    default: '',
    value: 'SIGNALS',
    help: 'after how long, such as memory.available=1m30s',
  },
  'eviction-max-pod-grace-period': {
    type: 'number',
    default: 0,
    least: 0,
    value: 'SECONDS',
    help: 'how long such a pod has to end at most',
  },
  'eviction-minimum-reclaim': {
    type: 'text',
    default: '',
    value: 'SIGNALS',
    help: 'how much more than a threshold is to be had until it is over, such as memory.available=50Mi',
  },
  'eviction-pressure-transition-period': {
    type: 'text',
    default: '5m0s',
    value: 'DURATION',
    help: 'how long a node that was short is taken for one that is',
  },
  'allowed-unsafe-sysctls': {
    type: 'text',
    default: '',
    value: 'NAMES',
    help: 'what pods may set besides the safe ones, such as kernel.msg*,net.core.somaxconn',
  },
  'node-ip': {
    type: 'text',
    value: 'ADDRESS',
    help: "the node's address; otherwise that of the machine's way to the world, or loopback where no other is of use",
  },
});

export const clusterFlags = defineFlags({
  ...serverFlags,
  ...nodeFlags,
  runtime: {
    type: 'choice',
    choices: ['process', 'docker', 'sim', 'auto'],
    default: 'auto',
    help: 'what runs pods; auto is docker where an engine answers',
  },
  nodes: { type: 'text', default: '1', value: 'N|FILE', help: 'how many nodes, or a file of Node objects' },
  'pod-range': { type: 'text', default: '10.244.0.0/16', value: 'CIDR', help: 'addresses of pods' },
  bare: { type: 'switch', help: 'leave out every add-on that a plain control plane does not have' },
  foreground: { type: 'switch', help: 'stay in the foreground' },
  ...httpFlags,
  'entry-point': { type: 'switch', help: 'every Service answers at --http-listen, by Host or first part of the path' },
  'gateway-api': { type: 'switch', help: 'put the Gateway API into the cluster, with the GatewayClass mini-k8s' },
  rebalance,
  split: { type: 'switch', help: 'run controllers and scheduler as processes of their own' },
  timing,
  dataplane: dataplaneFlag,
  'load-balancer-pool': { ...balancerFlag, default: 'localhost' },
});

/** For the parts of which only one may act at a time. */
const leaderFlags = defineFlags({
  'leader-elect': {
    type: 'choice',
    choices: ['true', 'false'],
    default: 'true',
    help: 'whether a lease decides which of many such processes acts',
  },
});

export const partFlags = defineFlags({
  kubeconfig: { type: 'text', required: true, value: 'FILE', help: 'which API server to work for' },
  'metrics-listen': {
    type: 'text',
    default: '127.0.0.1:0',
    value: 'ADDRESS:PORT',
    help: 'where figures and health are served, on loopback; port 0 takes any',
  },
  'log-level': { type: 'choice', choices: ['debug', 'info', 'error'], default: 'info', help: 'how much is logged' },
});

export const controllersFlags = defineFlags({
  ...partFlags,
  ...leaderFlags,
  timing,
  rebalance,
  'use-service-account-credentials': {
    type: 'switch',
    help: 'each controller speaks for a ServiceAccount of its own, by impersonation',
  },
  'pod-range': { type: 'text', value: 'CIDR', help: 'addresses of pods, a part of which each node is given' },
  'load-balancer-pool': balancerFlag,
});

export const schedulerFlags = defineFlags({ ...partFlags, ...leaderFlags, timing });

export type ServerSettings = Values<typeof serverFlags>;
export type ClusterSettings = Values<typeof clusterFlags>;

/** Where HTTP comes in, as the flags say. */
export function httpChoices(values: Values<typeof httpFlags> & { readonly 'entry-point': boolean }) {
  const { 'http-listen': http, 'https-listen': https, 'access-log': accessLog } = values;
  return {
    entryPoint: values['entry-point'],
    ...(http === undefined ? {} : { http: addressOf('http-listen', http) }),
    ...(https === undefined ? {} : { https: addressOf('https-listen', https) }),
    ...(accessLog === undefined ? {} : { accessLog }),
  };
}

/** The address of a node as the flag gives it. */
export function nodeIpOf(values: { readonly 'node-ip': string | undefined }): string | undefined {
  const given = values['node-ip'];
  if (given !== undefined && !isIP(given))
    throw new UsageError(`--node-ip is an address such as 192.0.2.7, not ${JSON.stringify(given)}`);
  return given;
}

export const inMemory = ':memory:';
// Inside the data folder.
export const pkiFolder = 'pki';
export const storeFolder = 'store';

/** The data folder, by name under the user's data directory where none is given. */
export function dataFolder(settings: { readonly 'data-dir': string | undefined; readonly name: string }): string {
  const given = settings['data-dir'];
  if (given !== undefined) return given === inMemory ? inMemory : resolve(given);
  const base = process.env.XDG_DATA_HOME ?? join(homedir(), '.local', 'share');
  return join(base, 'mini-k8s', settings.name);
}

export function addressOf(flag: string, text: string): Address {
  const found = /^(?<host>\[[0-9a-fA-F:]+\]|[^:]*):(?<port>\d{1,5})$/.exec(text);
  const port = Number(found?.groups?.port);
  if (!found?.groups || port > 65_535) {
    throw new UsageError(`--${flag} is ADDRESS:PORT such as 127.0.0.1:6443, not ${JSON.stringify(text)}`);
  }
  return { host: found.groups.host?.replace(/^\[|\]$/g, '') || '127.0.0.1', port };
}

/** The first address of a range, which belongs to the API server's own Service. */
export function firstAddress(range: string): string {
  const [base = ''] = range.split('/');
  const parts = base.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255))) {
    throw new UsageError(`--service-range is a range such as 10.96.0.0/16, not ${JSON.stringify(range)}`);
  }
  return [...parts.slice(0, 3), (parts[3] as number) + 1].join('.');
}

/** The part of the pod range that belongs to one node: a /24 each. */
export function nodeRange(podRange: string, index: number): string {
  const found = /^(\d+)\.(\d+)\.(\d+)\.\d+\/(\d+)$/.exec(podRange);
  if (!found || Number(found[4]) > 24)
    throw new UsageError(`--pod-range is a range such as 10.244.0.0/16, not ${podRange}`);
  const third = Number(found[3]) + index;
  const second = Number(found[2]) + Math.floor(third / 256);
  return `${found[1]}.${second % 256}.${third % 256}.0/24`;
}
