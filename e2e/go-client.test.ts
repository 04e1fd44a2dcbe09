import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { finished, outputOf, root, TestCluster } from './cluster.ts';

const source = join(root, 'e2e', 'go-client');
const protobuf = 'application/vnd.kubernetes.protobuf';
/** To fetch what client-go needs and to compile it takes a while where nothing is known of it. */
const buildDeadlineMs = 10 * 60_000;
const { code } = await finished('go', ['version']);
const skip = code === 0 ? false : 'there is no Go here that could build a client';

/** What the client says in the end. */
interface Report {
  readonly bodies: Readonly<Record<string, number>>;
  readonly answers: Readonly<Record<string, number>>;
  readonly lists: number;
  readonly watchLists: number;
  readonly events: readonly string[];
  readonly known: readonly string[];
  readonly resumed: readonly string[];
  readonly targetPort: string;
}

test('client-go writes, reads and watches in protobuf, and fills its cache by a watch alone', { skip }, async () => {
  const cluster = new TestCluster();
  const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-go-'));
  after(async () => {
    await cluster.clear();
    rmSync(folder, { recursive: true, force: true });
  });
  const program = join(folder, 'client');
  const build = ['build', '-o', program, '.'];
  await outputOf(['go', ...build], finished('go', build, '', { cwd: source, timeout: buildDeadlineMs }));
  await cluster.start('server');
  const report = JSON.parse(await outputOf([program], finished(program, [cluster.kubeconfig]))) as Report;
  assert.deepEqual(report.resumed, ['MODIFIED go-a', 'ADDED go-b', 'MODIFIED go-b', 'DELETED go-b']);
  assert.deepEqual(report.events, ['added go-a', 'added go-b', 'changed go-b', 'deleted go-b']);
  assert.ok(report.known.includes('default/go-a'), `the cache knew ${report.known}`);
  assert.equal(report.targetPort, 'web');
  assert.deepEqual([report.watchLists, report.lists], [1, 0]);
  assert.deepEqual(Object.keys(report.bodies), [protobuf]);
  assert.deepEqual(Object.keys(report.answers).sort(), [protobuf, `${protobuf};stream=watch`]);
});
