import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseRules } from './base-rules.ts';
import { Ledger } from './ledger.ts';
import { nft } from './nft.ts';
import { hasNftables } from './nftables.ts';
import { policyFacts } from './policy-facts.ts';
import { scriptOf } from './script.ts';

const skip = (await hasNftables()) ? false : 'needs root on Linux, and the tool nft';
const block = { range: '10.0.0.0/8', except: ['10.1.0.0/16', '10.2.0.0/16'] };
const table = {
  sides: [
    {
      id: 'shop/p',
      side: 'ingress' as const,
      allows: [
        {},
        { peers: { ips: ['10.0.0.2', 'fd00::2'], blocks: [block] }, protocol: 'UDP' as const },
        { protocol: 'TCP' as const, ports: { first: 80, last: 90 }, pods: ['10.0.0.1'] },
        { peers: { ips: [], blocks: [{ range: '::/0', except: ['fd00::/8'] }] } },
        { peers: { ips: [], blocks: [] }, protocol: 'TCP' as const },
      ],
    },
    { id: 'shop/deny', side: 'ingress' as const, allows: [] },
  ],
  pods: [
    { ip: '10.0.0.1', side: 'ingress' as const, policies: ['shop/p', 'shop/deny'] },
    { ip: 'fd00::1', side: 'egress' as const, policies: [] },
  ],
  addresses: ['10.0.0.1'],
};

test('policyFacts make a chain of each policy, and one of each pod that ends in silence', () => {
  const facts = policyFacts(table);
  assert.deepEqual(facts[0]?.value.split('\n'), [
    'accept',
    'ip saddr { 10.0.0.2 } meta l4proto udp accept',
    'ip6 saddr { fd00::2 } meta l4proto udp accept',
    'ip saddr 10.0.0.0/8 ip saddr != 10.1.0.0/16 ip saddr != 10.2.0.0/16 meta l4proto udp accept',
    'ip daddr { 10.0.0.1 } tcp dport 80-90 accept',
    'meta nfproto ipv6 ip6 saddr != fd00::/8 accept',
  ]);
  assert.deepEqual(facts.slice(2), [
    {
      into: 'chain',
      key: 'pod-ingress-10.0.0.1',
      value: 'ip saddr 10.0.0.1 accept\njump allow-ingress-shop/p\njump allow-ingress-shop/deny\ndrop',
    },
    { into: 'ingress4', key: '10.0.0.1', value: 'goto pod-ingress-10.0.0.1' },
    { into: 'chain', key: 'pod-egress-fd00__1', value: 'ip6 daddr fd00::1 accept\ndrop' },
    { into: 'egress6', key: 'fd00::1', value: 'goto pod-egress-fd00__1' },
    { into: 'pods4', key: '10.0.0.1', value: '' },
  ]);
});

test('what policies say is understood by the kernel', { skip }, async () => {
  const ledger = new Ledger();
  ledger.add(policyFacts(table));
  const name = `mini-k8s-policies-${process.pid}`;
  const base = baseRules(name, { podRange: '10.0.0.0/8', bridged: true, owner: 1 });
  await nft(['-c', '-f', '-'], base + scriptOf(name, ledger.changes()));
});
