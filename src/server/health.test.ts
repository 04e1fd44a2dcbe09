import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeText } from '../base/json.ts';
import { never } from '../base/stop.ts';
import { Health } from './health.ts';

const health = new Health([
  { name: 'ping', check: () => {} },
  {
    name: 'etcd',
    check: async () => {
      throw new Error('the disk is gone');
    },
  },
  { name: 'shutdown', only: 'readyz', check: () => {} },
]);

async function ask(target: string): Promise<readonly [number, string] | undefined> {
  const [path = '', query = ''] = target.split('?');
  const request = { method: 'GET', path, query: [...new URLSearchParams(query)], headers: {}, stop: never } as const;
  const answer = await health.answer(request);
  if (!answer) return undefined;
  return [answer.status, 'body' in answer && 'bytes' in answer.body ? decodeText(answer.body.bytes) : ''];
}

test('a health page that fails says which check did, and not why', async () => {
  assert.deepEqual(await ask('/livez'), [500, '[+]ping ok\n[-]etcd failed: reason withheld\nlivez check failed\n']);
  assert.equal(await ask('/version'), undefined);
});

test('a health page without its failing check is well, in one word or in all words', async () => {
  assert.deepEqual(await ask('/livez?exclude=etcd'), [200, 'ok']);
  const all = '[+]ping ok\n[+]etcd excluded: ok\n[+]shutdown ok\n';
  const warning = 'warn: some health checks cannot be excluded: no matches for "x"\n';
  assert.deepEqual(await ask('/readyz?verbose&exclude=etcd&exclude=x'), [200, `${all}${warning}readyz check passed\n`]);
});

test('every check has a path of its own, on the pages that ask for it', async () => {
  assert.deepEqual(await ask('/healthz/ping'), [200, 'ok']);
  assert.deepEqual(await ask('/healthz/etcd'), [500, 'internal server error: the disk is gone\n']);
  assert.deepEqual((await ask('/livez/shutdown'))?.[0], 404);
  assert.deepEqual(health.paths.slice(-4), ['/readyz', '/readyz/ping', '/readyz/etcd', '/readyz/shutdown']);
});
