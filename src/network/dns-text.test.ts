import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeText } from '../base/json.ts';
import { recordText, reverseName } from './dns-text.ts';

test('recordText writes records as zone files do', () => {
  const shared = { name: 'a.example', ttl: 5 };
  const times = { serial: 1, refresh: 2, retry: 3, expire: 4, minimum: 5 };
  const lines = [
    recordText({ ...shared, type: 'A', address: '192.0.2.1' }),
    recordText({ ...shared, type: 'SRV', priority: 0, weight: 50, port: 80, target: 'b.example' }),
    recordText({ ...shared, type: 'CNAME', target: 'b.example' }),
    recordText({ ...shared, type: 'MX', preference: 10, target: 'b.example' }),
    recordText({ ...shared, type: 'TXT', texts: [encodeText('1.1.0'), encodeText('a "b"')] }),
    recordText({ ...shared, type: 'SOA', server: 'ns.example', mailbox: 'me.example', ...times }),
    recordText({ ...shared, type: 99, bytes: Uint8Array.of(1, 2) }),
  ];
  assert.deepEqual(
    lines.map((line) => line.replace('a.example.\t5\t', '').replace('\t', ' ')),
    [
      'A 192.0.2.1',
      'SRV 0 50 80 b.example.',
      'CNAME b.example.',
      'MX 10 b.example.',
      'TXT "1.1.0" "a \\"b\\""',
      'SOA ns.example. me.example. 1 2 3 4 5',
      'TYPE99 \\# 2',
    ],
  );
});

test('reverseName knows addresses of both families and nothing else', () => {
  assert.equal(reverseName('10.96.0.1'), '1.0.96.10.in-addr.arpa');
  const six = '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa';
  assert.equal(reverseName('fd00::1'), six);
  assert.equal(reverseName('web'), undefined);
});
