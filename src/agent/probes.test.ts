import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Duplex } from '../api/wire.ts';
import { decodeText, encodeText } from '../base/json.ts';
import { httpAnswer } from './probes.ts';

function connection(...answers: readonly string[]) {
  const written: string[] = [];
  async function* incoming() {
    for (const text of answers) yield encodeText(text);
  }
  const duplex: Duplex = {
    incoming: incoming(),
    write: async (bytes) => void written.push(decodeText(bytes)),
    end: () => void written.push('END'),
  };
  return { duplex, written };
}
const subject = { podIp: '10.244.0.2', container: { name: 'c', ports: [{ name: 'web', containerPort: 8080 }] } };

test('httpAnswer asks once, as upstream does, and ends the connection', async () => {
  const { duplex, written } = connection('HTTP/1.1 20', '0 OK\r\n', 'Content-Length: 0\r\n\r\n');
  const get = { path: '/healthz', port: 'web', httpHeaders: [{ name: 'X-A', value: 'b' }] };
  assert.equal((await httpAnswer(duplex, get, subject)).ok, true);
  assert.deepEqual(written, [
    'GET /healthz HTTP/1.1\r\nHost: 10.244.0.2:8080\r\nUser-Agent: kube-probe/1.36\r\nAccept: */*\r\nConnection: close\r\nX-A: b\r\n\r\n',
    'END',
  ]);
});

test('httpAnswer takes 399 for well, 400 for ill, and what is not HTTP for ill', async () => {
  const ask = async (text: string) => (await httpAnswer(connection(text).duplex, { port: 80 }, subject)).ok;
  assert.equal(await ask('HTTP/1.0 399 Odd\r\n'), true);
  assert.equal(await ask('HTTP/1.1 400 Bad Request\r\n'), false);
  assert.equal(await ask('SSH-2.0-OpenSSH\r\n'), false);
  assert.equal(await ask(''), false);
});
