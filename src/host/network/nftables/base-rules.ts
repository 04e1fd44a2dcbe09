import { sets } from './sets.ts';

export interface NetworkPlace {
  /** Addresses of all pods of the cluster: who has one is inside. */
  readonly podRange: string;
  /** Frames between pods on one bridge pass the rules too, so that answers find their way back. */
  readonly bridged: boolean;
  /** The process whose table it is. */
  readonly owner: number;
}

/** The table before there is any service: made anew at each start, at once with taking an old one away. */
export function baseRules(table: string, place: NetworkPlace): string {
  const declared = Object.entries(sets).map(([name, text]) => {
    const [kind, ...type] = text.split(' ');
    return `${kind} ${name} { type ${type.join(' ')}; }`;
  });
  return [
    `add table inet ${table}`,
    `delete table inet ${table}`,
    `table inet ${table} {`,
    ...declared,
    `set owner { type mark; elements = { ${place.owner} }; }`,
    ...chains(place),
    '}',
    '',
  ].join('\n');
}

function chains({ podRange, bridged }: NetworkPlace): readonly string[] {
  const inside = `ip saddr ${podRange}`;
  const hook = (type: string, where: string, priority: string) =>
    `type ${type} hook ${where} priority ${priority}; policy accept;`;
  const blocks: Readonly<Record<string, readonly string[]>> = {
    // Targets first: a chain can be named once it is there.
    ...routing,
    // Whoever decides here decides for the whole connection: only its first packet is asked.
    prerouting: [
      hook('nat', 'prerouting', 'dstnat'),
      `${inside} goto find`,
      'ip daddr . meta l4proto . th dport vmap @outside4',
      'ip6 daddr . meta l4proto . th dport vmap @outside6',
      'meta nfproto ipv4 fib daddr type local meta l4proto . th dport vmap @ports_outside4',
      'meta nfproto ipv6 fib daddr type local meta l4proto . th dport vmap @ports_outside6',
      'goto find-others',
    ],
    output: [hook('nat', 'output', '-100'), 'goto find'],
    // Pods of other nodes are to see who asks: said here, before an engine's own rule would hide it.
    pods: [`ip saddr ${podRange} ip daddr ${podRange} oifname != @pod_links snat ip to ip saddr`],
    masquerade4: [
      'ip saddr . ip daddr @hairpin4 masquerade',
      // Pods see each other's addresses; where bridged frames pass unseen, answers have to come by the same way.
      ...(bridged ? [`${inside} ct original ip daddr @cluster4 goto pods`] : []),
      `${inside} masquerade`,
      'fib saddr type local masquerade',
      'ct original ip daddr @kept4 return',
      ...atPort('kept_ports return'),
      'masquerade',
    ],
    'node-ports4': atPort('node_ports goto masquerade4'),
    'node-ports6': atPort('node_ports goto masquerade6'),
    postrouting: [
      hook('nat', 'postrouting', 'srcnat - 1'),
      'oifname "lo" return',
      'ct status & dnat != dnat goto pods',
      'ct original ip daddr @cluster4 goto masquerade4',
      'ct original ip6 daddr @cluster6 goto masquerade6',
      'ct original ip daddr @others4 goto masquerade4',
      'ct original ip6 daddr @others6 goto masquerade6',
      'meta nfproto ipv4 goto node-ports4',
      'meta nfproto ipv6 goto node-ports6',
    ],
    // What a policy allows is past this chain, and meets the next: a packet has to be allowed on both sides.
    'egress-forward': [hook('filter', 'forward', '-2'), ...settled, ...policed('saddr', 'egress')],
    'ingress-forward': [hook('filter', 'forward', '-1'), ...settled, ...policed('daddr', 'ingress')],
    // Pods that are processes are addresses of this node; what else is the node is open to everybody.
    'egress-input': [
      hook('filter', 'input', '-2'),
      ...settled,
      'iifname != "lo" ip daddr @pods4 ip saddr vmap @egress4',
    ],
    'ingress-input': [hook('filter', 'input', '-1'), ...settled, 'iifname != "lo" ip daddr vmap @ingress4'],
    'input-refusals': [hook('filter', 'input', 'filter'), 'goto refusals'],
    'forward-refusals': [hook('filter', 'forward', 'filter'), 'goto refusals'],
    'output-refusals': [hook('filter', 'output', 'filter'), 'goto refusals'],
    // Loopback of this node is open only as far as a service leads there.
    'loopback-guard': [
      hook('filter', 'input', 'filter'),
      'iifname @loopback_links ip daddr 127.0.0.0/8 ct status & dnat != dnat drop',
    ],
  };
  return Object.entries(blocks).flatMap(([name, rules]) => [`chain ${name} {`, ...rules, '}']);
}

const settled = ['ct state established,related accept'];

function policed(address: string, side: string): readonly string[] {
  return [`ip ${address} vmap @${side}4`, `ip6 ${address} vmap @${side}6`];
}

/** The tool compares a port of the connection's beginning only where it knows the protocol. */
function atPort(rest: string): readonly string[] {
  return ['tcp', 'udp', 'sctp'].map((protocol) => `meta l4proto ${protocol} ct original proto-dst @${rest}`);
}

const routing: Readonly<Record<string, readonly string[]>> = {
  'find-others': [
    'ip daddr . meta l4proto . th dport vmap @services4',
    'ip6 daddr . meta l4proto . th dport vmap @services6',
    // Pods have no range of that family that they could be known by.
    'ip6 daddr . meta l4proto . th dport vmap @cluster_services6',
    'meta nfproto ipv4 fib daddr type local meta l4proto . th dport vmap @ports4',
    'meta nfproto ipv6 fib daddr type local meta l4proto . th dport vmap @ports6',
  ],
  find: ['ip daddr . meta l4proto . th dport vmap @cluster_services4', 'goto find-others'],
  masquerade6: [
    'ip6 saddr . ip6 daddr @hairpin6 masquerade',
    'fib saddr type local masquerade',
    'ct original ip6 daddr @kept6 return',
    ...atPort('kept_ports return'),
    'masquerade',
  ],
  refuse: ['meta l4proto tcp reject with tcp reset', 'reject'],
  refusals: [
    'ct state != new return',
    'ip daddr . meta l4proto . th dport @refused4 goto refuse',
    'ip6 daddr . meta l4proto . th dport @refused6 goto refuse',
    'fib daddr type local meta l4proto . th dport @refused_ports goto refuse',
    'meta l4proto { tcp, udp, sctp } ip daddr @cluster4 goto refuse',
    'meta l4proto { tcp, udp, sctp } ip6 daddr @cluster6 goto refuse',
  ],
};
