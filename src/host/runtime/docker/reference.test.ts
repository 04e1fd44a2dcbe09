import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvalidImage } from '../../../agent/runtime.ts';
import { credentialsFor } from './credentials.ts';
import { checkReference } from './images.ts';
import { parseReference } from './reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test('an image has a registry, a name and a version', () => {
  assert.deepEqual(parseReference('nginx'), { registry: 'docker.io', name: 'nginx', version: 'latest' });
  assert.deepEqual(parseReference('team/web:1.2'), { registry: 'docker.io', name: 'team/web', version: '1.2' });
  const own = { registry: 'localhost:5000', name: 'localhost:5000/web' };
  assert.deepEqual(parseReference('localhost:5000/web:1'), { ...own, version: '1' });
  assert.deepEqual(parseReference(`localhost:5000/web:1@${digest}`), { ...own, version: digest });
  for (const text of ['', 'Web', 'web:', 'a b', 'web@sha256:1', 'a//b', '-web']) {
    assert.throws(() => parseReference(text), text);
  }
});

test('what is no image of an engine is refused, and says what would run it', () => {
  assert.throws(() => checkReference('host'), InvalidImage);
  assert.throws(() => checkReference('file:./app'), /runtimeClassName: process/);
  assert.throws(() => checkReference('Not An Image'), /couldn't parse image name/);
  checkReference('host:1');
});

const secret = (data: object, key = '.dockerconfigjson') => ({
  data: { [key]: Buffer.from(JSON.stringify(data)).toString('base64') },
});
const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') });

test('the logins of a pod are tried where they fit, the nearest first', () => {
  const both = secret({ auths: { 'r.io': auth('a:1'), 'r.io/team': auth('b:2:3'), 'other.io': auth('c:4') } });
  const names = (image: string) =>
    credentialsFor(parseReference(image).registry, image, [both]).map(({ username, password }) => [username, password]);
  assert.deepEqual(names('r.io/team/web'), [
    ['b', '2:3'],
    ['a', '1'],
  ]);
  assert.deepEqual(names('r.io/web'), [['a', '1']]);
  assert.deepEqual(names('web'), []);
});

test('both forms of login secrets are read, and docker.io by all of its names', () => {
  const old = secret({ 'https://index.docker.io/v1/': { username: 'a', password: 'b' } }, '.dockercfg');
  assert.deepEqual(credentialsFor('docker.io', 'web', [old, { data: { '.dockerconfigjson': 'bm8=' } }]), [
    { serveraddress: 'docker.io', username: 'a', password: 'b' },
  ]);
});
