import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../api/error.ts';
import type { Pod } from '../api/kinds/pod.ts';
import { Client } from '../client/client.ts';
import { noRuntime } from './no-runtime.ts';
import type { SandboxSpec } from './runtime.ts';
import { RuntimeChoice } from './runtime-choice.ts';

const usual = noRuntime('usual', '');
const other = noRuntime('other', '');
const handlers: Record<string, string> = { boxed: 'other', foreign: 'gvisor' };
let asked = 0;
const client = new Client(async ({ path }) => {
  asked++;
  const name = path.slice(path.lastIndexOf('/') + 1);
  const handler = handlers[name];
  if (handler === undefined) throw new ApiError('NotFound', `runtimeclasses "${name}" not found`);
  return { status: 200, body: { object: { metadata: { name }, handler } } };
});
const pod = (runtimeClassName?: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default', uid: 'u1', resourceVersion: '1', creationTimestamp: '' },
  spec: { containers: [], ...(runtimeClassName ? { runtimeClassName } : {}) },
});
const why = async (choice: RuntimeChoice, name: string) => {
  const runtime = await choice.of(pod(name));
  assert.equal(choice.has(runtime), false);
  return runtime.openSandbox({} as SandboxSpec, []).catch((error: Error) => error.message);
};

test('RuntimeChoice follows the handler of the class, and asks for each class once', async () => {
  const choice = new RuntimeChoice(client, { default: usual, byHandler: { usual, other } });
  assert.equal(await choice.of(pod()), usual);
  assert.equal(asked, 0);
  assert.equal(await choice.of(pod('boxed')), other);
  assert.equal(await choice.of(pod('boxed')), other);
  assert.equal(asked, 1);
});

test('RuntimeChoice never runs a pod by the default when its class cannot be had', async () => {
  const choice = new RuntimeChoice(client, { default: usual, byHandler: { usual } });
  assert.equal(await why(choice, 'none'), 'RuntimeClass.node.k8s.io "none" not found');
  assert.equal(await why(choice, 'foreign'), 'no runtime for "gvisor" is configured');
  handlers['none'] = 'usual';
  assert.equal(await choice.of(pod('none')), usual, 'once it is there it is taken');
});

test('RuntimeChoice means the default by every class where there are no handlers', async () => {
  assert.equal(await new RuntimeChoice(client, { default: usual }).of(pod('any')), usual);
});
