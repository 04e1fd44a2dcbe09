import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { deployments } from '../api/kinds/deployment.ts';
import { pods } from '../api/kinds/pod.ts';
import { openApiV3 } from '../api/schema/openapi.ts';
import type { Transport } from '../api/wire.ts';
import type { Instant } from '../base/env.ts';
import type { Json } from '../base/json.ts';
import { never } from '../base/stop.ts';
import { Client } from '../client/client.ts';
import type { World } from './command.ts';
import { clusterCommands } from './commands.ts';
import { runCommand } from './run.ts';

const words: Readonly<Record<string, string>> = {
  'core.v1.Pod/': 'Pod is a collection of containers.',
  'apps.v1.DeploymentStrategy/': 'How pods are replaced.',
};
const describe = (type: string, field: string) => words[`${type}/${field}`];

/** Discovery of two kinds and their OpenAPI documents. */
const transport: Transport = async ({ path }) => {
  const documents: Readonly<Record<string, Json | undefined>> = {
    '/api': discovery('', [pods]),
    '/apis': discovery('apps', [deployments]),
    '/openapi/v3/api/v1': openApiV3('api/v1', describe),
    '/openapi/v3/apis/apps/v1': openApiV3('apis/apps/v1', describe),
  };
  const object = documents[path];
  return object === undefined
    ? { status: 404, body: { object: { kind: 'Status', reason: 'NotFound' } } }
    : { status: 200, body: { object } };
};

function discovery(group: string, kinds: readonly (typeof pods | typeof deployments)[]): Json {
  const resources = kinds.map(({ version, kind, plural, singular, shortNames, verbs }) => ({
    resource: plural,
    responseKind: { group, version, kind },
    scope: 'Namespaced',
    singularResource: singular,
    shortNames,
    verbs,
  }));
  return { items: [{ metadata: group ? { name: group } : {}, versions: [{ version: 'v1', resources }] }] };
}

async function run(line: string) {
  const said = { out: '', error: '' };
  const world: World = {
    io: {
      out: (text) => void (said.out += text),
      error: (text) => void (said.error += text),
      read: async () => ({ text: '' }),
      stdin: async () => '',
    },
    clock: { now: () => 0 as Instant, monotonic: () => 0, after: () => () => {} },
    environment: {},
    stop: never,
    version: '0.0.0',
    connect: async () => ({ client: new Client(transport), namespace: 'default' }),
    listen: async () => Promise.reject(new Error('nothing listens here')),
    browse: async () => false,
  };
  const code = await runCommand(clusterCommands, line.split(' '), world);
  return { code, ...said };
}

test('explain says what a field is made of, all the way down when asked', async () => {
  const { code, out } = await run('explain deploy.spec.strategy --recursive');
  equal(code, 0);
  equal(
    out,
    `GROUP:      apps
KIND:       Deployment
VERSION:    v1

FIELD: strategy <DeploymentStrategy>


DESCRIPTION:
    How pods are replaced.
    
FIELDS:
  rollingUpdate\t<RollingUpdateDeployment>
    maxSurge\t<IntOrString>
    maxUnavailable\t<IntOrString>
  type\t<string>
  enum: Recreate, RollingUpdate

`,
  );
});

test('explain describes a kind and each of its fields', async () => {
  const { out } = await run('explain pods');
  match(out, /^KIND: {7}Pod\nVERSION: {4}v1\n\nDESCRIPTION:\n {4}Pod is a collection of containers\.\n {4}\n/);
  match(out, /\n {2}spec\t<PodSpec>\n {4}<no description>\n\n/);
  match((await run('explain po.spec.containers')).out, /\n {2}name\t<string> -required-\n/);
  match((await run('explain po.spec.restartPolicy')).out, /FIELD: restartPolicy <string>\nENUM:\n {4}Always\n/);
});

test('explain says what is not there', async () => {
  equal((await run('explain pods.spec.nothere')).error, 'error: field "nothere" does not exist\n');
  const version = await run('explain deployments --api-version=apps/v9');
  equal(version.error, `error: couldn't find resource for "apps/v9, Resource=deployments"\n`);
  equal(version.code, 1);
  equal((await run('explain')).code, 2);
});
