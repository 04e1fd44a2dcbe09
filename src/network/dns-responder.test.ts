import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { endpointSlices } from '../api/kinds/endpoint-slice.ts';
import { services } from '../api/kinds/service.ts';
import { type Asked, answerTo, dnsWorld, nobody, queryOf } from '../sim/dns-world.test-data.ts';
import { DnsForwarder, type Elsewhere, type Via } from './dns-forwarder.ts';
import { codes, type DnsRecord, decodeMessage, type Message, recordTypes } from './dns-message.ts';
import { DnsResponder } from './dns-responder.ts';
import { offerDnsService } from './kube-dns.ts';

const drain = () => new Promise<void>((resolve) => setImmediate(resolve));
const domain = 'cluster.local';
const web = `web.default.svc.${domain}`;
const many = `many.default.svc.${domain}`;
const addressesOf = (records: readonly DnsRecord[]) =>
  records.flatMap((record) => ('address' in record ? [record.address] : []));

async function world(elsewhere: Elsewhere = nobody) {
  const made = await dnsWorld(drain);
  const forwarder = new DnsForwarder(made.env, elsewhere);
  const responder = new DnsResponder(made.env, made.caches, { domain, forwarder });
  const ask = async (asked: Asked, via: Via = 'udp'): Promise<Message & { readonly bytes: number }> => {
    const answer = await responder.respond(queryOf(asked), via);
    assert.ok(answer);
    return { ...decodeMessage(answer), bytes: answer.length };
  };
  return { ...made, responder, ask };
}

test('DnsResponder answers under the number and the very letters of the question', async () => {
  const { service, begin, ask, end } = await world();
  await service('web', { clusterIP: '10.96.0.20', ports: [{ port: 80 }] });
  await begin();
  const first = await ask({ name: 'Web.Default.SVC.cluster.local', id: 7 });
  assert.equal(first.id, 7);
  assert.deepEqual([first.isAnswer, first.authoritative, first.recursionWanted], [true, true, true]);
  assert.deepEqual(first.questions, [{ name: 'Web.Default.SVC.cluster.local', type: 1, class: 1 }]);
  assert.deepEqual(first.answers, [
    { name: 'Web.Default.SVC.cluster.local', ttl: 30, type: 'A', address: '10.96.0.20' },
  ]);
  const second = await ask({ name: web, id: 8 });
  assert.equal(second.id, 8);
  assert.deepEqual(second.answers, [{ name: web, ttl: 30, type: 'A', address: '10.96.0.20' }]);
  end();
});

test('DnsResponder extends an answer only when the query was, and knows no later version', async () => {
  const { service, begin, ask, end } = await world();
  await service('web', { clusterIP: '10.96.0.20', ports: [{ port: 80 }] });
  await begin();
  assert.equal((await ask({ name: web })).extension, undefined);
  const { extension, answers } = await ask({ name: web, size: 4_096 });
  assert.deepEqual([extension?.size, extension?.version, answers.length], [1_232, 0, 1]);
  const newer = await ask({ name: web, size: 4_096, version: 1 });
  assert.deepEqual([newer.code, newer.answers.length, newer.extension?.version], [codes.badVersion, 0, 0]);
  end();
});

test('DnsResponder keeps to what a datagram holds and has the rest asked for over TCP', async () => {
  const { service, endpoints, begin, ask, end } = await world();
  const all = Array.from({ length: 90 }, (_, index) => `10.244.1.${index + 1}`);
  await service('many', { clusterIP: 'None', ports: [{ name: 'http', port: 80 }] });
  await endpoints('many', all);
  await begin();
  const plain = await ask({ name: many });
  assert.ok(plain.truncated && plain.bytes <= 512 && plain.bytes > 480, String(plain.bytes));
  const small = await ask({ name: many, size: 100 });
  assert.ok(small.truncated && small.bytes <= 512, 'less than 512 is taken for 512');
  const extended = await ask({ name: many, size: 4_096 });
  assert.ok(extended.truncated && extended.bytes <= 1_232 && extended.answers.length > plain.answers.length);
  const whole = await ask({ name: many }, 'tcp');
  assert.deepEqual([whole.truncated, whole.answers.length], [false, 90]);
  const located = await ask({ name: `_http._tcp.${many}`, type: recordTypes.SRV }, 'tcp');
  assert.deepEqual([located.answers.length, located.additional.length], [90, 90]);
  end();
});

test('DnsResponder lets the addresses of a name take turns', async () => {
  const { service, endpoints, begin, ask, end } = await world();
  await service('many', { clusterIP: 'None', ports: [{ port: 80 }] });
  await endpoints('many', ['10.244.0.1', '10.244.0.2', '10.244.0.3']);
  await begin();
  const firsts: (string | undefined)[] = [];
  for (let round = 0; round < 4; round++) {
    const found = addressesOf((await ask({ name: many })).answers);
    assert.deepEqual(found.toSorted(), ['10.244.0.1', '10.244.0.2', '10.244.0.3']);
    firsts.push(found[0]);
  }
  assert.equal(new Set(firsts.slice(0, 3)).size, 3);
  assert.equal(firsts[3], firsts[0]);
  end();
});

test('DnsResponder knows what changed with the next query', async () => {
  const { service, client, begin, pass, ask, end } = await world();
  await begin();
  assert.equal((await ask({ name: web })).code, codes.noSuchName);
  await service('web', { clusterIP: '10.96.0.20', ports: [{ port: 80 }] });
  await pass();
  assert.deepEqual(addressesOf((await ask({ name: web })).answers), ['10.96.0.20']);
  const back = { name: '20.0.96.10.in-addr.arpa', type: recordTypes.PTR };
  assert.deepEqual(
    (await ask(back)).answers.map((record) => 'target' in record && record.target),
    [web],
  );
  await client.send({ verb: 'delete', kind: services, key: { namespace: 'default', name: 'web' } });
  await pass();
  assert.equal((await ask({ name: web })).code, codes.noSuchName);
  end();
});

test('DnsResponder says that it failed while it does not know the cluster yet', async () => {
  const { ask } = await world();
  assert.equal((await ask({ name: web })).code, codes.failure);
});

test('DnsResponder refuses what it does not do, and is silent where an answer would do harm', async () => {
  const { begin, ask, responder, end } = await world();
  await begin();
  assert.equal((await ask({ name: 'version.bind', type: 16, class: 3 })).code, codes.refused);
  assert.equal((await ask({ name: domain, type: 252 }, 'tcp')).code, codes.refused);
  const query = queryOf({ name: web });
  const changed = (at: number, value: number) => Uint8Array.from(query, (byte, index) => (index === at ? value : byte));
  const codeOf = (bytes: Uint8Array) => decodeMessage(responder.respond(bytes, 'udp') as Uint8Array).code;
  assert.equal(codeOf(changed(2, 0x28)), codes.notBuilt);
  assert.equal(codeOf(changed(5, 2)), codes.format);
  assert.equal(codeOf(changed(5, 0)), codes.format);
  assert.equal(codeOf(changed(7, 1)), codes.format);
  assert.equal(codeOf(changed(11, 1)), codes.format);
  assert.equal(codeOf(changed(12, 0xc0)), codes.format);
  assert.equal(codeOf(query.slice(0, 20)), codes.format);
  assert.equal(responder.respond(changed(2, 0x80), 'udp'), undefined);
  assert.equal(responder.respond(query.slice(0, 11), 'udp'), undefined);
  end();
});

test('DnsResponder stands any bytes', async () => {
  const { begin, responder, end } = await world();
  await begin();
  const query = queryOf({ name: web, size: 1_232 });
  const broken = fc.tuple(fc.nat(query.length - 1), fc.nat(255), fc.nat(query.length)).map(([at, value, length]) => {
    const bytes = query.slice(0, Math.max(length, 2));
    bytes[at] = value;
    return bytes;
  });
  await fc.assert(
    fc.asyncProperty(fc.oneof(broken, fc.uint8Array({ maxLength: 100 })), async (bytes) => {
      const answer = await responder.respond(bytes, 'udp');
      if (answer) assert.ok(decodeMessage(answer).isAnswer && answer.length <= 1_232);
    }),
  );
  end();
});

test('DnsResponder follows an external name out of the cluster', async () => {
  const asked: string[] = [];
  const { service, begin, ask, end } = await world({
    servers: () => ['192.0.2.53'],
    exchange: async (_server, query) => {
      const name = decodeMessage(query).questions[0]?.name ?? '';
      asked.push(name);
      return answerTo(query, [{ name, ttl: 9, type: 'A', address: '192.0.2.7' }]);
    },
  });
  await service('away', { type: 'ExternalName', externalName: 'shop.example.com' });
  await begin();
  const { answers, code } = await ask({ name: `Away.default.svc.${domain}`, id: 9 });
  assert.equal(code, codes.ok);
  assert.deepEqual(answers, [
    { name: `Away.default.svc.${domain}`, ttl: 30, type: 'CNAME', target: 'shop.example.com' },
    { name: 'shop.example.com', ttl: 9, type: 'A', address: '192.0.2.7' },
  ]);
  assert.deepEqual(asked, ['shop.example.com']);
  end();
});

test('offerDnsService shows the Service as clusters have it, again and again, and leaves the one of somebody else', async () => {
  const { client, begin, pass, ask, end } = await world();
  const place = { clusterIp: '10.96.0.10', ip: '10.244.255.242', port: 53 };
  assert.equal(await offerDnsService(client, place), true);
  assert.equal(await offerDnsService(client, { ...place, ip: '10.244.255.243' }), true);
  const service = await client.get(services, { namespace: 'kube-system', name: 'kube-dns' });
  assert.equal(service.spec.clusterIP, '10.96.0.10');
  assert.equal(service.metadata.labels?.['k8s-app'], 'kube-dns');
  const { items } = await client.list(endpointSlices, { namespace: 'kube-system' });
  assert.deepEqual(
    items.map(({ endpoints }) => endpoints.map(({ addresses }) => addresses)),
    [[['10.244.255.243']]],
  );
  await begin();
  const name = `_dns-tcp._tcp.kube-dns.kube-system.svc.${domain}`;
  const [record] = (await ask({ name, type: recordTypes.SRV })).answers;
  assert.equal(record && 'port' in record && record.port, 53);
  const key = { namespace: 'kube-system', name: 'kube-dns' };
  await client.send({ verb: 'patch', kind: services, key, patch: { spec: { selector: { app: 'own' } } } });
  assert.equal(await offerDnsService(client, place), false);
  await pass();
  end();
});
