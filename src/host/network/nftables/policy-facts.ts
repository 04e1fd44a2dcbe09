import { familyOf } from '../../../network/dataplane.ts';
import type { Allowance, IsolatedPod, PolicySide, PolicyTable } from '../../../network/policy-table.ts';
import type { Fact } from './facts.ts';

/** What the kernel has to know so that policies hold. */
export function policyFacts({ sides, pods, addresses: known }: PolicyTable): readonly Fact[] {
  const here = known.map((ip): Fact => ({ into: familyOf(ip) === 'IPv6' ? 'pods6' : 'pods4', key: ip, value: '' }));
  return [...sides.map(sideFact), ...pods.flatMap(podFacts), ...here];
}

const sideChain = (side: string, id: string): string => `allow-${side}-${id}`;

function sideFact({ id, side, allows }: PolicySide): Fact {
  const [peer, own] = side === 'ingress' ? ['saddr', 'daddr'] : ['daddr', 'saddr'];
  const lines = allows.flatMap((allowance) => rulesOf(allowance, peer, own));
  return { into: 'chain', key: sideChain(side, id), value: lines.join('\n') };
}

function podFacts({ ip, side, policies }: IsolatedPod): readonly Fact[] {
  const six = familyOf(ip) === 'IPv6';
  const chain = `pod-${side}-${ip.replaceAll(':', '_')}`;
  const rules = [
    // Nobody is kept from themselves.
    `${six ? 'ip6' : 'ip'} ${side === 'ingress' ? 'saddr' : 'daddr'} ${ip} accept`,
    ...policies.map((id) => `jump ${sideChain(side, id)}`),
    'drop',
  ];
  return [
    { into: 'chain', key: chain, value: rules.join('\n') },
    { into: `${side}${six ? 6 : 4}`, key: ip, value: `goto ${chain}` },
  ];
}

function rulesOf({ peers, pods, protocol, ports }: Allowance, peer: string, own: string): readonly string[] {
  const where = portText(protocol, ports);
  const peerTexts = peers
    ? [...addresses(peers.ips, peer), ...peers.blocks.map((block) => blockText(block, peer))]
    : [''];
  const podTexts = pods ? addresses(pods, own) : [''];
  return podTexts.flatMap((pod) =>
    peerTexts.map((from) => [pod, from, where, 'accept'].filter((part) => part !== '').join(' ')),
  );
}

function portText(protocol: Allowance['protocol'], ports: Allowance['ports']): string {
  if (!protocol) return '';
  const name = protocol.toLowerCase();
  if (!ports) return `meta l4proto ${name}`;
  return `${name} dport ${ports.first === ports.last ? ports.first : `${ports.first}-${ports.last}`}`;
}

/** One rule's beginning for each family that there is. */
function addresses(ips: readonly string[], side: string): readonly string[] {
  const of = (family: 'IPv4' | 'IPv6', word: string) => {
    const some = ips.filter((ip) => familyOf(ip) === family);
    return some.length > 0 ? [`${word} ${side} { ${some.join(', ')} }`] : [];
  };
  return [...of('IPv4', 'ip'), ...of('IPv6', 'ip6')];
}

function blockText({ range, except }: { readonly range: string; readonly except: readonly string[] }, side: string) {
  const six = familyOf(range) === 'IPv6';
  const word = six ? 'ip6' : 'ip';
  // The tool knows no range of no bits.
  const inside = range.endsWith('/0') ? `meta nfproto ${six ? 'ipv6' : 'ipv4'}` : `${word} ${side} ${range}`;
  return [inside, ...except.map((one) => `${word} ${side} != ${one}`)].join(' ');
}
