import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { kubectl, kubectlVersions } from '../tools/clients.ts';
import { kubectlOf, TestCluster } from './cluster.ts';

const manifest = (image: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: owned}
spec:
  replicas: 0
  selector: {matchLabels: {app: owned}}
  template:
    metadata: {labels: {app: owned}}
    spec: {containers: [{name: app, image: ${image}}]}
`;

for (const version of kubectlVersions) {
  const client = await kubectl(version);
  const skip = 'missing' in client ? client.missing : false;
  describe(`kubectl ${version}, server-side apply`, { skip }, () => {
    const program = 'path' in client ? client.path : '';
    const cluster = new TestCluster();
    after(() => cluster.clear());
    const { run, does } = kubectlOf(program, cluster, ['--request-timeout=60s']);
    const apply = ['apply', '--server-side', '-f', '-'];

    test('takes over from client-side apply without a conflict, and keeps its annotation up to date', async () => {
      await cluster.start('server');
      await does(['apply', '-f', '-'], manifest('one'));
      assert.match(await does(apply, manifest('two')), /serverside-applied/);
      assert.match(await does(['apply', 'view-last-applied', 'deployment', 'owned']), /image: two/);
      const managers = 'jsonpath={.metadata.managedFields[*].manager}';
      assert.doesNotMatch(await does(['get', 'deployment', 'owned', '-o', managers]), /client-side/);
    });

    test('is refused what another manager owns, unless it forces it', async () => {
      const other = [...apply, '--field-manager=other'];
      const { code, err } = await run(other, manifest('three'));
      assert.notEqual(code, 0);
      assert.match(err, /conflict with "kubectl": \.spec\.template\.spec\.containers\[name="app"\]\.image/);
      await does([...other, '--force-conflicts'], manifest('three'));
    });

    test('finds scaling in its way, as the scale is owned through its subresource', async () => {
      await does(['scale', 'deployment', 'owned', '--replicas=1']);
      const { err } = await run(apply, manifest('three'));
      assert.match(err, /conflict with "kubectl[^"]*" with subresource "scale" using apps\/v1: \.spec\.replicas/);
    });

    test('says which field does not fit', async () => {
      const wrong = manifest('one').replace('replicas: 0', 'replicas: "none"');
      const { err } = await run([...apply, '--validate=false'], wrong);
      assert.match(err, /\.spec\.replicas: expected numeric \(int or float\), got string/);
    });
  });
}
