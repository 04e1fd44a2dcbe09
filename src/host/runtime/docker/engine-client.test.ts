import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { EngineClient, EngineError } from './engine-client.ts';

test('however many answers are waited for, short calls are answered', async () => {
  const waiting: ServerResponse[] = [];
  const server = createServer((request, response) => {
    if (request.url?.endsWith('/wait')) waiting.push(response);
    else response.end('{"well":true}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = new EngineClient({ text: 'test', host: '127.0.0.1', port });
  try {
    const late = Array.from({ length: 50 }, (_, index) => client.late('POST', `/containers/${index}/wait`));
    assert.deepEqual(await client.json('POST', '/containers/1/kill'), { well: true });
    while (waiting.length < late.length) await new Promise((resolve) => setImmediate(resolve));
    for (const response of waiting) response.end('{"StatusCode":0}');
    assert.equal((await Promise.all(late)).length, 50);
  } finally {
    client.close();
    server.close();
  }
});

test('what an engine refuses is told with its status and its own words', async () => {
  const server = createServer((_request, response) => {
    response.writeHead(409);
    response.end('{"message":"the name is taken"}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = new EngineClient({ text: 'test', host: '127.0.0.1', port });
  try {
    await assert.rejects(client.json('POST', '/containers/create'), (error) => {
      return error instanceof EngineError && error.status === 409 && error.message === 'the name is taken';
    });
  } finally {
    client.close();
    server.close();
  }
});
