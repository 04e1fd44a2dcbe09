import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { testEngine } from './busybox.test-data.ts';
import type { EngineClient } from './engine-client.ts';
import { DockerImages } from './images.ts';
import { TestRegistry, whyNoRegistry } from './registry.test-data.ts';

const found = await testEngine();
const skip = 'missing' in found ? found.missing : whyNoRegistry();
const client = 'engine' in found ? found.engine.client : (undefined as unknown as EngineClient);

describe('images', { skip }, () => {
  const images = new DockerImages(client);
  let registry: TestRegistry;
  let reference = '';
  let byDigest = '';
  const login = { data: { '.dockerconfigjson': '' } };
  const remove = () => images.remove(reference);

  before(async () => {
    registry = await TestRegistry.start(true);
    reference = registry.reference;
    login.data['.dockerconfigjson'] = registry.login;
    byDigest = await registry.push(client);
    await remove();
  });
  after(async () => {
    registry.end();
    await remove();
    await images.remove(byDigest);
  });

  test('an image that is not there is not pulled where that is forbidden', async () => {
    await assert.rejects(images.ensure(reference, 'Never', [login]), {
      reason: 'ErrImageNeverPull',
      message: `Container image "${reference}" is not present with pull policy of Never`,
    });
  });

  test('an image is not had without a login, and had with the one that the pod names, once for all who ask', async () => {
    await assert.rejects(
      images.ensure(reference, 'IfNotPresent', []),
      /failed to pull image .*no basic auth credentials/,
    );
    const all = await Promise.all([1, 2, 3].map(() => images.ensure(reference, 'IfNotPresent', [login])));
    assert.equal(new Set(all.map(({ id }) => id)).size, 1);
    assert.deepEqual(await images.ensure(reference, 'Never', []), all[0]);
    assert.ok((await images.list()).some(({ names, id }) => id === all[0]?.id && names.includes(reference)));
  });

  test('an image is pulled by its digest', async () => {
    await remove();
    const { id } = await images.ensure(byDigest, 'IfNotPresent', [login]);
    assert.deepEqual(await images.ensure(byDigest, 'Never', []), { id });
  });

  test('an image that the registry does not have is said in one line', async () => {
    const gone = reference.replace('tool', 'gone');
    await assert.rejects(images.ensure(gone, 'Always', [login]), { reason: 'ErrImagePull' });
  });
});
