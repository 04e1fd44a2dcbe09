import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { contextOf, kubeconfigText } from './kubeconfig.ts';

const draft = {
  name: 'mini "k8s"',
  user: 'admin',
  server: 'https://127.0.0.1:6443',
  ca: 'Y2E=',
  cert: 'Y2VydA==',
  key: 'a2V5',
};

test('a kubeconfig that is written is read back with everything embedded', () => {
  assert.deepEqual(contextOf(parse(kubeconfigText(draft))), {
    server: 'https://127.0.0.1:6443',
    namespace: 'default',
    user: 'admin',
    ca: { base64: 'Y2E=' },
    cert: { base64: 'Y2VydA==' },
    key: { base64: 'a2V5' },
    insecure: false,
  });
});

test('a context can be named, and files and tokens are found', () => {
  const config = {
    clusters: [{ name: 'c', cluster: { server: 'https://x', 'certificate-authority': 'ca.crt' } }],
    users: [{ name: 'u', user: { tokenFile: 'token' } }],
    contexts: [{ name: 'k', context: { cluster: 'c', user: 'u', namespace: 'n' } }],
  };
  const { ca, token, namespace } = contextOf(config, 'k');
  assert.deepEqual([ca, token, namespace], [{ file: 'ca.crt' }, { file: 'token' }, 'n']);
});

test('what a kubeconfig lacks is named', () => {
  assert.throws(() => contextOf({}), /no current-context/);
  assert.throws(() => contextOf({}, 'gone'), /no context named "gone"/);
});
