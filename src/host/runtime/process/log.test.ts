import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LogOptions } from '../../../agent/runtime.ts';
import { never } from '../../../base/stop.ts';
import { readLog } from './log-reader.ts';
import { LogWriter } from './log-writer.ts';
import { temporaryFolder } from './temporary-folder.test-data.ts';

const all: LogOptions = { follow: false, timestamps: false };
const folder = () => temporaryFolder('log');

test('a log keeps both streams, whole lines, and the line that has no end', async () => {
  const path = join(folder(), 'log');
  const writer = new LogWriter(path);
  writer.take('stdout', Buffer.from('hal'));
  writer.take('stderr', Buffer.from('error\n'));
  writer.take('stdout', Buffer.from('f\nrest'));
  writer.close();
  assert.equal(await text(path, all), 'error\nhalf\nrest');
  assert.match(
    readFileSync(path, 'utf8'),
    /^\d{4}-\d\d-\d\dT[\d:.]+Z stderr F error\n\S+ stdout F half\n\S+ stdout P rest\n$/,
  );
});

test('a line longer than a part comes back as one line, and its bytes are not split in characters', async () => {
  const path = join(folder(), 'log');
  const writer = new LogWriter(path);
  const long = 'ä'.repeat(30_001);
  writer.take('stdout', Buffer.from(`${long}\nshort\n`));
  writer.close();
  assert.equal(await text(path, all), `${long}\nshort\n`);
});

test('a log is put aside by size, the oldest files go, and reading goes through all that are left', async () => {
  const path = join(folder(), 'log');
  const writer = new LogWriter(path, 1_000);
  for (let n = 0; n < 200; n++) writer.take('stdout', Buffer.from(`line ${n}\n`));
  writer.close();
  assert.deepEqual(readdirSync(join(path, '..')).sort(), ['log', 'log.1', 'log.2', 'log.3', 'log.4']);
  const lines = (await text(path, all)).trimEnd().split('\n');
  assert.ok(lines.length > 60 && lines.length < 200);
  assert.deepEqual(
    lines,
    Array.from({ length: lines.length }, (_, n) => `line ${200 - lines.length + n}`),
  );
  for (const tail of [0, 1, 20, 45, lines.length]) {
    assert.deepEqual((await text(path, { ...all, tail })).split('\n').length - 1, tail);
  }
});

test('a follower loses no line while files are put aside under it', async () => {
  const path = join(folder(), 'log');
  const writer = new LogWriter(path, 1_000);
  let over = false;
  const seen = text(path, { ...all, follow: true }, () => over);
  for (let n = 0; n < 300; n++) {
    writer.take('stdout', Buffer.from(`line ${n}\n`));
    if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  over = true;
  writer.close();
  assert.equal(await seen, Array.from({ length: 300 }, (_, n) => `line ${n}\n`).join(''));
});

async function text(path: string, options: LogOptions, isOver: () => boolean = () => true): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readLog(path, options, isOver, never)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
