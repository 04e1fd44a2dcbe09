/**
 * What a request costs the server as objects become more: `node bench/cost-per-object.ts [MOST]`. Processor time of
 * the server in this very process, without sockets, so that whatever else runs on the machine does not count. Writes
 * docs/generated/cost-per-object.svg and a table to read.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { builtInKinds } from '../src/api/kinds/all.ts';
import type { ApiRequest, ApiResponse, Method } from '../src/api/wire.ts';
import { encodeText, type Json } from '../src/base/json.ts';
import { never } from '../src/base/stop.ts';
import { hostEnv } from '../src/host/env.ts';
import { ApiServer } from '../src/server/server.ts';
import { MemoryStore } from '../src/store/memory.ts';

interface Measured {
  readonly objects: number;
  /** Microseconds of processor time, by what was asked. */
  readonly cost: Readonly<Record<string, number>>;
}

const steps = [1_000, 3_000, 10_000, 30_000, 100_000];
const requestsPerStep = 3_000;
const listsPerStep = 5;
const path = '/api/v1/namespaces/default/configmaps';
const file = join(import.meta.dirname, '..', 'docs', 'generated', 'cost-per-object.svg');
const admin = { name: 'admin', groups: ['system:masters', 'system:authenticated'], extra: {} };
const colours = ['#1f77b4', '#2ca02c', '#d62728', '#9467bd', '#ff7f0e', '#8c564b'];

const most = Number(process.argv[2] ?? steps.at(-1));
const server = new ApiServer(hostEnv({ log: { level: 'error' } }), new MemoryStore(), {
  kinds: builtInKinds,
  address: '127.0.0.1:6443',
});
await expect(201, send('POST', '/api/v1/namespaces', { metadata: { name: 'default' } }));
let made = 0;
const rows: Measured[] = [];
for (const objects of steps.filter((step) => step <= most)) {
  while (made < objects) await create();
  // The very first round finds nothing compiled yet.
  if (rows.length === 0) await measured(objects);
  rows.push({ objects, cost: await measured(objects) });
  console.log(JSON.stringify({ bench: 'cost-per-object', ...rows.at(-1) }));
}
writeFileSync(file, picture(rows));

async function measured(objects: number): Promise<Readonly<Record<string, number>>> {
  const some = (index: number) => `${path}/map-${(index * 7_919) % objects}`;
  const one = { limit: '1' };
  const cost = {
    get: await each(requestsPerStep, (index) => expect(200, send('GET', some(index)))),
    create: await each(requestsPerStep, create),
    patch: await each(requestsPerStep, (index) =>
      expect(200, send('PATCH', some(index), { data: { k: `${made}${index}` } })),
    ),
    delete: await each(requestsPerStep, () => expect(200, send('DELETE', `${path}/map-${--made}`))),
    'list of one': await each(requestsPerStep, () => expect(200, send('GET', path, undefined, one))),
    list: await each(listsPerStep, () => expect(200, send('GET', path))),
  };
  return Object.fromEntries(Object.entries(cost).map(([name, micros]) => [name, Number(micros.toFixed(1))]));
}

async function create(): Promise<void> {
  const data = { k: 'v'.repeat(100) };
  await expect(201, send('POST', path, { metadata: { name: `map-${made++}`, labels: { app: 'x' } }, data }));
}

/** Of one, in microseconds: the first tenth only warms up. */
async function each(count: number, work: (index: number) => Promise<void>): Promise<number> {
  const warm = Math.ceil(count / 10);
  for (let index = 0; index < warm; index++) await work(index);
  const before = process.cpuUsage();
  for (let index = 0; index < count - warm; index++) await work(warm + index);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (count - warm);
}

function send(
  method: Method,
  at: string,
  object?: Json,
  query: Readonly<Record<string, string>> = {},
): Promise<ApiResponse> {
  const mediaType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  const body = object === undefined ? {} : { body: { bytes: encodeText(JSON.stringify(object)), mediaType } };
  const headers: ApiRequest['headers'] = { accept: 'application/json' };
  return server.handle({
    method,
    path: at,
    query: Object.entries(query),
    headers,
    caller: admin,
    stop: never,
    ...body,
  });
}

async function expect(status: number, answer: Promise<ApiResponse>): Promise<void> {
  const response = await answer;
  if (response.status !== status) throw new Error(`${response.status}: ${JSON.stringify(response).slice(0, 500)}`);
}

/** Both scales in powers of ten: what is flat does not grow, what climbs with the dashed line grows with the objects. */
function picture(all: readonly Measured[]): string {
  const [width, height, left, bottom] = [720, 440, 70, 50];
  const [first, last] = [all[0]?.objects ?? 1, all.at(-1)?.objects ?? 10];
  const costs = all.flatMap(({ cost }) => Object.values(cost));
  const [low, high] = [Math.log10(Math.min(...costs)), Math.log10(Math.max(...costs))];
  const x = (objects: number) =>
    left + (Math.log10(objects / first) / Math.log10(last / first) || 0) * (width - left - 150);
  const y = (micros: number) => height - bottom - ((Math.log10(micros) - low) / (high - low)) * (height - bottom - 40);
  const text = (at: readonly [number, number], words: string, more = '') =>
    `<text x="${at[0].toFixed(0)}" y="${at[1].toFixed(0)}" ${more}>${words}</text>`;
  const lines = Object.keys(all[0]?.cost ?? {}).map((name, index) => {
    const points = all
      .map(({ objects, cost }) => `${x(objects).toFixed(0)},${y(cost[name] ?? 1).toFixed(0)}`)
      .join(' ');
    const colour = colours[index % colours.length];
    const end = all.at(-1)?.cost[name] ?? 1;
    return `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="2"/>${text([x(last) + 8, y(end) + 4], `${name} (${end} µs)`, `fill="${colour}"`)}`;
  });
  const across = all.map(({ objects }) => text([x(objects), height - 28], String(objects), 'text-anchor="middle"'));
  const powers = Array.from(
    { length: Math.ceil(high) - Math.floor(low) + 1 },
    (_, index) => 10 ** (Math.floor(low) + index),
  );
  const up = powers
    .filter((power) => y(power) > 30 && y(power) <= height - bottom)
    .map((power) => text([left - 8, y(power) + 4], `${power} µs`, 'text-anchor="end"'));
  const title = text([left, 22], 'Processor time of a request, by how many objects there are', 'font-weight="bold"');
  const body = [title, ...lines, ...across, ...up, text([x(last), height - 8], 'objects', 'text-anchor="middle"')];
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`;
  return `${head}\n<rect width="100%" height="100%" fill="white"/>\n${body.join('\n')}\n</svg>\n`;
}
