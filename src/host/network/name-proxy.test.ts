import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, test } from 'node:test';
import { proxyVariables } from '../../network/kube-dns.ts';
import type { Place } from './listening.ts';
import { NameProxy } from './name-proxy.ts';

const asked: string[] = [];
let loads = 0;
const backend = createServer((incoming, outgoing) => {
  const told = {
    url: incoming.url,
    host: incoming.headers.host,
    proxied: incoming.headers['proxy-authorization'] ?? '',
  };
  let body = '';
  incoming.on('data', (chunk) => (body += chunk));
  incoming.on('end', () => outgoing.end(JSON.stringify({ ...told, body })));
});
backend.listen(0, '127.0.0.1');
await once(backend, 'listening');
const real: Place = { host: '127.0.0.1', port: (backend.address() as AddressInfo).port };
const dead: Place = { host: '127.0.0.1', port: 1 };
const proxy = new NameProxy(async () => {
  loads++;
  return async (host, port, namespace) => {
    asked.push(`${host}:${port} in ${namespace}`);
    return host === 'web' ? [dead, real] : [];
  };
});
const { port } = await proxy.listen({ host: '127.0.0.1', port: 0 });
after(async () => {
  await proxy.close();
  backend.close();
  backend.closeAllConnections();
});

const credentials = `Basic ${Buffer.from('shop:').toString('base64')}`;

async function through(path: string, body = ''): Promise<{ readonly status: number; readonly text: string }> {
  const headers = { 'proxy-authorization': credentials, host: 'web:8080' };
  const call = request({ host: '127.0.0.1', port, path, method: 'POST', headers, agent: false });
  call.end(body);
  const [answer] = await once(call, 'response');
  let text = '';
  for await (const chunk of answer) text += chunk;
  return { status: answer.statusCode, text };
}

test('NameProxy forwards to the first place that answers, and keeps what was for itself', async () => {
  assert.equal(loads, 0);
  const { status, text } = await through('http://web:8080/a?b=c', 'words');
  assert.deepEqual([status, JSON.parse(text)], [200, { url: '/a?b=c', host: 'web:8080', proxied: '', body: 'words' }]);
  assert.deepEqual(asked.splice(0), ['web:8080 in shop']);
  await through('http://web/');
  assert.deepEqual([asked.splice(0), loads], [['web:80 in shop'], 1]);
});

test('NameProxy says who does not answer, and what is no request for a proxy', async () => {
  const lost = await through('http://nobody/');
  assert.deepEqual([lost.status, lost.text], [502, 'nobody answers for nobody:80 in namespace shop\n']);
  assert.equal((await through('/no/proxy/wanted')).status, 400);
  assert.equal((await through('https://web/')).status, 502);
});

test('NameProxy carries any bytes in a tunnel', async () => {
  const open = async (target: string): Promise<string> => {
    const socket = connect(port, '127.0.0.1');
    socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    socket.write('GET /t HTTP/1.1\r\nHost: inside\r\nConnection: close\r\n\r\n');
    let text = '';
    for await (const chunk of socket) text += chunk;
    return text;
  };
  const answer = await open('web:443');
  assert.match(answer, /^HTTP\/1\.1 200 Connection Established\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  assert.match(answer, /"url":"\/t","host":"inside"/);
  assert.match(await open('nobody:443'), /^HTTP\/1\.1 502 Bad Gateway/);
  assert.match(await open('nonsense'), /^HTTP\/1\.1 400 Bad Request/);
  assert.deepEqual(asked.slice(-2), ['web:443 in default', 'nobody:443 in default']);
});

test('proxyVariables names the namespace as the user', () => {
  const { http_proxy: url, NODE_USE_ENV_PROXY: node } = proxyVariables('127.0.0.1:27701', 'shop');
  assert.deepEqual([url, node], ['http://shop@127.0.0.1:27701', '1']);
});
