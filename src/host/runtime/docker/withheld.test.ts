import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Engine } from './engine.ts';
import { EngineError } from './engine-client.ts';
import { Withheld, withheldBy } from './withheld.ts';

test('withheldBy names what a mask leaves out', () => {
  assert.deepEqual(withheldBy('000001ffffffffff'), []);
  assert.deepEqual(withheldBy('000001fffeffffff'), ['SYS_RESOURCE']);
  assert.deepEqual(withheldBy('000001fffffffffe'), ['CHOWN']);
});

/** An engine that answers the start of a container like this. */
function engine(started: () => void) {
  const said: string[] = [];
  const json = async (method: string, path: string) => {
    said.push(`${method} ${path}`);
    if (path.endsWith('/start')) started();
    return { Id: 'trial' };
  };
  return { engine: { client: { json }, architecture: 'amd64' } as unknown as Engine, said };
}
const refuses = (message: string) => () => {
  throw new EngineError(500, message);
};
const withoutTime = '000001fffdffffff';

test('Withheld believes an engine that cannot start a privileged container, and tries only once', async () => {
  const { engine: poor, said } = engine(refuses('unable to apply caps: operation not permitted'));
  const withheld = new Withheld(poor, withoutTime);
  const both = await Promise.all([withheld.names(), withheld.names()]);
  assert.deepEqual(both, [['SYS_TIME'], ['SYS_TIME']]);
  assert.deepEqual(said, [
    'GET /images/mini-k8s/pause:1/json',
    'POST /containers/create',
    'POST /containers/trial/start',
    'DELETE /containers/trial',
  ]);
});

test('Withheld knows of nothing where the engine has more than this process, or where nothing is suspected', async () => {
  assert.deepEqual(await new Withheld(engine(() => {}).engine, withoutTime).names(), []);
  const { engine: rich, said } = engine(refuses('never asked'));
  assert.deepEqual(await new Withheld(rich, 'ffffffffffffffff').names(), []);
  assert.deepEqual(said, []);
});

test('Withheld says what else went wrong, and tries again', async () => {
  let message = 'the disk is full';
  const { engine: broken } = engine(() => refuses(message)());
  const withheld = new Withheld(broken, withoutTime);
  await assert.rejects(withheld.names(), /the disk is full/);
  message = 'unable to apply caps: operation not permitted';
  assert.deepEqual(await withheld.names(), ['SYS_TIME']);
});
