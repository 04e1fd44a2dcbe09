import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiRequest, Caller } from '../../api/wire.ts';
import { never } from '../../base/stop.ts';
import type { Attributes, Authorizer } from '../attributes.ts';
import { Authorization } from './authorization.ts';
import { Impersonation } from './impersonation.ts';
import { attributesOf } from './request-attributes.ts';

const robot: Caller = {
  name: 'robot',
  groups: ['system:authenticated'],
  extra: { 'authentication.kubernetes.io/node-name': ['one'] },
};

/** Whoever holds these rights, written `verb group/resource name`; and what was asked for. */
function world(...rights: readonly string[]) {
  const asked: string[] = [];
  const authorizer: Authorizer = {
    name: 'list',
    authorize: (attributes) => {
      const text = textOf(attributes);
      asked.push(text);
      return { verdict: rights.includes(text) ? 'allow' : 'none' };
    },
  };
  const impersonation = new Impersonation(new Authorization([authorizer]));
  const become = async (path: string, headers: Readonly<Record<string, string>>) => {
    const request: ApiRequest = { method: 'GET', path, query: [], headers, stop: never };
    const wanted = impersonation.wanted(request);
    assert.ok(wanted);
    return impersonation.become(wanted, attributesOf(request, robot));
  };
  return { asked, become };
}
function textOf(attributes: Attributes): string {
  if ('path' in attributes) return `${attributes.verb} ${attributes.path}`;
  const { verb, group, resource, subresource, name, namespace } = attributes;
  const where = namespace ? ` in ${namespace}` : '';
  return `${verb} ${group}/${resource}${subresource && `/${subresource}`} ${name}${where}`;
}
const pods = '/api/v1/namespaces/a/pods';
const authentication = 'authentication.k8s.io';

test('the old right lets anything be done as somebody, with a right for each thing that is said', async () => {
  const { become } = world(
    'impersonate /users jane',
    'impersonate /groups dev',
    `impersonate ${authentication}/userextras/scopes view`,
  );
  const headers = { 'impersonate-user': 'jane', 'impersonate-group': 'dev', 'impersonate-extra-scopes': 'view' };
  const caller = await become(pods, headers);
  assert.deepEqual(caller.groups, ['dev', 'system:authenticated']);
  assert.deepEqual(caller.extra, { scopes: ['view'] });
  assert.equal(caller.by, robot);
  await assert.rejects(become(pods, { ...headers, 'impersonate-uid': '7' }), /cannot impersonate resource "uids"/);
  await assert.rejects(become(pods, { ...headers, 'impersonate-group': 'ops' }), /groups "ops" is forbidden/);
});

test('the constrained right needs whom and what: who may list pods as jane may not list secrets as her', async () => {
  const { become } = world(
    `impersonate:user-info ${authentication}/users jane`,
    'impersonate-on:user-info:list /pods  in a',
  );
  assert.equal((await become(pods, { 'impersonate-user': 'jane' })).name, 'jane');
  const secrets = '/api/v1/namespaces/a/secrets';
  await assert.rejects(become(secrets, { 'impersonate-user': 'jane' }), /impersonate-on:user-info:list/);
  await assert.rejects(become(pods, { 'impersonate-user': 'joe' }), /users.authentication.k8s.io "joe" is forbidden/);
  await assert.rejects(become(pods, { 'impersonate-user': 'jane', 'impersonate-group': 'dev' }), /"dev" is forbidden/);
});

test('a right for users is none for nodes and ServiceAccounts: they have rights of their own', async () => {
  const list = (mode: string) => `impersonate-on:${mode}:list /pods  in a`;
  const { become, asked } = world(
    list('user-info'),
    `impersonate:user-info ${authentication}/users system:node:two`,
    `impersonate:user-info ${authentication}/users system:serviceaccount:a:b`,
    list('associated-node'),
    `impersonate:associated-node ${authentication}/nodes *`,
    list('serviceaccount'),
    `impersonate:serviceaccount ${authentication}/serviceaccounts b in a`,
  );
  await assert.rejects(become(pods, { 'impersonate-user': 'system:node:two' }), /arbitrary-node/);
  assert.equal((await become(pods, { 'impersonate-user': 'system:node:one' })).name, 'system:node:one');
  const account = await become(pods, { 'impersonate-user': 'system:serviceaccount:a:b' });
  assert.deepEqual(account.groups, ['system:serviceaccounts', 'system:serviceaccounts:a', 'system:authenticated']);
  assert.ok(asked.includes(`impersonate:serviceaccount ${authentication}/serviceaccounts b in a`));
});

test('the anonymous stay without authentication, and nobody else is made so by accident', async () => {
  const { become } = world('impersonate /users system:anonymous', 'impersonate /users jane');
  const anonymous = await become(pods, { 'impersonate-user': 'system:anonymous' });
  assert.deepEqual(anonymous.groups, ['system:unauthenticated']);
  assert.deepEqual((await become(pods, { 'impersonate-user': 'jane' })).groups, ['system:authenticated']);
});
