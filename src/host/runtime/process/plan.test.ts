import assert from 'node:assert/strict';
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sandboxOf } from '../../../agent/runtime.test-data.ts';
import { type ContainerSpec, InvalidImage } from '../../../agent/runtime.ts';
import { MissingImage, programOf } from './images.ts';
import { planOf } from './plan.ts';
import { PodFolder } from './record.ts';
import { temporaryFolder } from './temporary-folder.test-data.ts';

const from = realpathSync(temporaryFolder('plan'));
const place = {
  sandbox: sandboxOf('pod'),
  ip: '10.244.0.2',
  host: '127.0.0.1',
  portFor: (port: number) => port + 20_000,
};
const where = { folder: new PodFolder('/pods/pod'), from };

test('only host, file: and npm: are images of this runtime, and the refusal names what runs the others', () => {
  for (const image of ['nginx', 'docker.io/library/nginx:1.27', 'host:latest', '/bin/sh', '', 'npm:../x', 'npm:a@1']) {
    assert.throws(() => programOf(image, from), InvalidImage);
  }
  assert.throws(() => programOf('nginx', from), /container engine such as Docker/);
  assert.throws(() => programOf('file:nowhere', from), MissingImage);
  assert.throws(() => programOf('npm:nobody-has-this', from), MissingImage);
});

test('a folder runs what its package.json says, else its index, in that folder', () => {
  const folder = files('app', { 'package.json': '{"name":"@x/app","bin":{"other":"o.js","app":"a.js"}}', 'a.js': '' });
  assert.deepEqual(plan({ image: 'file:app' }).command, [process.execPath, join(folder, 'a.js')]);
  assert.equal(plan({ image: 'file:app' }).folder, folder);
  const plain = files('plain', { 'index.ts': '' });
  assert.deepEqual(plan({ image: 'file:plain', args: ['x'] }).command, [
    process.execPath,
    join(plain, 'index.ts'),
    'x',
  ]);
  assert.deepEqual(plan({ image: 'file:plain', command: ['sh', 'run.sh'] }).command, ['sh', 'run.sh']);
  assert.equal(plan({ image: 'file:plain', workingDir: 'sub' }).folder, join(plain, 'sub'));
});

test('a package is found from the folder upwards', () => {
  const folder = files('node_modules/tool', { 'package.json': '{"name":"tool","bin":"cli.js"}', 'cli.js': '' });
  assert.deepEqual(programOf('npm:tool', join(from, 'app')).entry, [process.execPath, join(folder, 'cli.js')]);
});

test('a command of the machine must be named', () => {
  assert.throws(() => plan({ image: 'host' }), /needs a command/);
  assert.deepEqual(plan({ image: 'host', command: ['sleep'], args: ['1'] }).command, ['sleep', '1']);
});

test('a container is told its address, its ports and its volumes, and little of the machine', () => {
  process.env['A_SECRET_OF_THE_SHELL'] = 'x';
  const mounts = [
    { name: 'web-data', source: '/volumes/1/sub', target: '/data', readOnly: false },
    { source: '/volumes/2', target: '/etc/config', readOnly: true },
    { name: 'kube-api-access-k2tr4', source: '/volumes/3', target: '/var/run/secrets', readOnly: true },
  ];
  const { env } = plan({ image: 'host', command: ['x'], mounts, env: [{ name: 'MINE', value: '1' }] });
  const { PATH, HOME, LANG, TMPDIR, NODE, ...rest } = env;
  assert.equal(PATH, process.env['PATH']);
  assert.deepEqual(rest, {
    POD_IP: '10.244.0.2',
    HOST: '127.0.0.1',
    HOSTNAME: 'pod',
    PORT: '28080',
    PORT_8080: '28080',
    VOLUME_WEB_DATA: '/volumes/1/sub',
    VOLUME_ETC_CONFIG: '/volumes/2',
    VOLUME_KUBE_API_ACCESS: '/volumes/3',
    MINE: '1',
    MINI_K8S_POD_DIR: '/pods/pod',
  });
});

test('a PORT that is declared means the own port, and HOST of all addresses the own address', () => {
  const env = [
    { name: 'PORT', value: '8080' },
    { name: 'HOST', value: '0.0.0.0' },
  ];
  const told = plan({ image: 'host', command: ['x'], env }).env;
  assert.equal(told['PORT'], '28080');
  assert.equal(told['HOST'], '127.0.0.1');
  assert.equal(plan({ image: 'host', command: ['x'], env: [{ name: 'PORT', value: '9' }] }).env['PORT'], '9');
});

function plan(part: Partial<ContainerSpec>): ReturnType<typeof planOf> {
  const empty = { command: [], args: [], env: [], mounts: [], resources: {}, security: {}, tty: false, stdin: false };
  return planOf({ id: 'c', sandbox: 'pod', name: 'main', attempt: 0, image: 'host', ...empty, ...part }, place, where);
}

function files(name: string, contents: Readonly<Record<string, string>>): string {
  const folder = join(from, name);
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of Object.entries(contents)) writeFileSync(join(folder, file), text);
  return folder;
}
