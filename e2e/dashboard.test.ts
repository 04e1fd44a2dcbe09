import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { browserPath, Page } from './browser.ts';
import { miniK8s, root, TestCluster, until } from './cluster.ts';

const program = browserPath();
const built = existsSync(join(root, 'out', 'dashboard', 'main.js'));
const skip = !program ? 'needs chromium: apt-get install chromium' : !built && 'needs npm run build';

const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'shown' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'shown' } },
    template: {
      metadata: { labels: { app: 'shown' } },
      spec: { containers: [{ name: 'main', image: 'sim' }] },
    },
  },
};

/** All cells of one table, row by row. */
const rowsOf = (title: string) => `(() => {
  const all = [...document.querySelectorAll('section')];
  const section = all.find((one) => one.querySelector('h2').textContent.startsWith('${title}'));
  const rows = [...(section?.querySelectorAll('tbody tr') ?? [])];
  return rows.map((row) => [...row.cells].map((cell) => cell.textContent));
})()`;

describe('the dashboard in a browser', { skip }, () => {
  const cluster = new TestCluster();
  const page = new Page();
  let dashboard: ChildProcess | undefined;
  const words = (...more: readonly string[]) => [...more, '--kubeconfig', cluster.kubeconfig];
  const rows = async (title: string) => (await page.value(rowsOf(title))) as readonly (readonly string[])[];

  before(async () => {
    await cluster.start('up', ['--runtime', 'sim']);
    const applied = await miniK8s(words('apply', '-f', '-'), JSON.stringify(deployment));
    assert.equal(applied.code, 0, applied.err);
    const source = join(root, 'src', 'main', 'mini-k8s.ts');
    dashboard = spawn(process.execPath, [source, ...words('dashboard')], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: dashboard.stdout as NonNullable<ChildProcess['stdout']> });
    const [line] = await once(lines, 'line', { signal: AbortSignal.timeout(20_000) });
    const url = /http:\S+/.exec(line as string)?.[0] ?? '';
    await page.open(program as string, url);
    // What the machine does to its network meanwhile may cost the page a module.
    await until('page', 60_000, async () => {
      const drawn = until('first table', 8_000, () => page.value("document.querySelector('section') !== null"));
      return drawn.catch(async (cause: unknown) => {
        const seen = page.troubles.join('\n');
        await page.load(url);
        throw new Error(seen, { cause });
      });
    });
  });
  after(async () => {
    await page.close();
    dashboard?.kill('SIGKILL');
    await cluster.clear();
  });

  test('it shows nodes, deployments, pods and Services', async () => {
    await until('ready deployment on the page', 30_000, async () => {
      const [row] = await rows('Deployments');
      return row?.[1] === 'shown' && row[3] === '1';
    });
    assert.deepEqual((await rows('Nodes'))[0]?.slice(0, 2), ['node-0', 'yes']);
    assert.match((await rows('Pods'))[0]?.[1] ?? '', /^shown-/);
    assert.deepEqual((await rows('Services'))[0]?.slice(0, 2), ['default', 'kubernetes']);
    assert.equal(await page.value("document.querySelector('.state')?.textContent"), 'All is as it should be');
  });

  test('it follows the cluster without being loaded again', async () => {
    await page.value('window.same = true');
    await miniK8s(words('scale', 'shown', '3'));
    await until('three pods on the page', 20_000, async () => (await rows('Pods')).length === 3);
    await miniK8s(words('scale', 'shown', '1'));
    await until('one pod on the page', 20_000, async () => (await rows('Pods')).length === 1);
    assert.equal(await page.value('window.same'), true);
  });

  test('nothing on it fails, and it fits a narrow window', async () => {
    assert.deepEqual(page.troubles, []);
    await page.resize(400);
    const broken =
      "[...document.querySelectorAll('td:not(:last-child)')].filter((cell) => cell.clientHeight > 48).length";
    assert.equal(await page.value(broken), 0, 'a name must not be broken into pieces');
    const overflow = 'document.documentElement.scrollWidth > document.documentElement.clientWidth';
    assert.equal(await page.value(overflow), false);
  });
});
