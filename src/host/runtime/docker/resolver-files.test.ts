import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { ContainerSpec, SandboxSpec } from '../../../agent/runtime.ts';
import { ResolverFiles } from './resolver-files.ts';

const root = mkdtempSync(join(tmpdir(), 'mini-k8s-files-'));
after(() => rmSync(root, { recursive: true }));
const files = new ResolverFiles(root);
const box = (servers: readonly string[]) =>
  ({ id: 'u', dns: { servers, searches: ['a.test', 'b.test'], options: ['ndots:5'] } }) as unknown as SandboxSpec;
const container = (target?: string) =>
  ({ mounts: target ? [{ source: '/own', target, readOnly: false }] : [] }) as unknown as ContainerSpec;

test('ResolverFiles mounts a file that everybody in the pod can read, and takes it away with the pod', () => {
  const { mounts } = files.into(container('/data'), box(['10.96.0.10']));
  const file = join(root, 'u', 'resolv.conf');
  assert.deepEqual(mounts[1], { source: file, target: '/etc/resolv.conf', readOnly: false });
  assert.equal(readFileSync(file, 'utf8'), 'search a.test b.test\nnameserver 10.96.0.10\noptions ndots:5\n');
  assert.equal(statSync(file).mode & 0o777, 0o644);
  files.remove('u');
  assert.ok(!existsSync(file));
  files.remove('u');
});

test("ResolverFiles leaves a pod's own mount, and the engine's file where a pod has no servers", () => {
  for (const [own, servers] of [
    [container('/etc/resolv.conf'), ['10.96.0.10']],
    [container(), []],
  ] as const) {
    assert.equal(files.into(own, box(servers)), own);
  }
});
