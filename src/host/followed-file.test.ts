import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hostEnv } from './env.ts';
import { FollowedFile } from './followed-file.ts';

test('a file is read anew when it changes, and what is not understood changes nothing', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-followed-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'file');
  const lines: { readonly level: string; readonly error?: string }[] = [];
  let heard: (() => void) | undefined;
  const write = (line: string) => {
    lines.push(JSON.parse(line));
    heard?.();
  };
  const env = hostEnv({ log: { write } });
  const change = async (text: string) => {
    const said = new Promise<void>((resolve) => (heard = resolve));
    // As editors and volumes do it: another file takes the name.
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
    await said;
  };
  const read = (text: string, before: number | undefined) => {
    if (!/^\d+$/.test(text)) throw new Error(`${text} is no number`);
    return Number(text) + (before ?? 0);
  };
  writeFileSync(path, '1');
  const file = new FollowedFile(env, { path, read, figure: 'reloads_total' });
  t.after(() => file.close());
  const taken: number[] = [];
  file.follow((value) => taken.push(value));
  await change('10');
  await change('none');
  await change('100');
  assert.deepEqual(taken, [11, 111]);
  assert.equal(file.now, 111);
  assert.deepEqual(
    lines.map(({ level, error }) => [level, error]),
    [
      ['info', undefined],
      ['error', 'Error: none is no number'],
      ['info', undefined],
    ],
  );
  assert.match(env.metrics.render(), /reloads_total\{status="success"\} 2/);
});

test('one who cannot use what a file says now keeps nobody else from it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-followed-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'file');
  const errors: string[] = [];
  const write = (line: string) => {
    const { level, error } = JSON.parse(line);
    if (level === 'error') errors.push(error);
  };
  writeFileSync(path, 'a');
  const file = new FollowedFile(hostEnv({ log: { write } }), { path, read: (text) => text });
  t.after(() => file.close());
  file.follow((text) => {
    throw new Error(`cannot use ${text}`);
  });
  const taken = new Promise((resolve) => file.follow(resolve));
  writeFileSync(path, 'bb');
  assert.equal(await taken, 'bb');
  assert.equal(file.now, 'bb');
  assert.deepEqual(errors, ['Error: cannot use bb']);
});
