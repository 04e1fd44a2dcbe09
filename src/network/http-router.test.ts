import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../api/error.ts';
import { configMaps } from '../api/kinds/config-map.ts';
import { endpointSlices } from '../api/kinds/endpoint-slice.ts';
import { services } from '../api/kinds/service.ts';
import type { KubeObject } from '../api/object.ts';
import type { WatchEvent } from '../api/wire.ts';
import type { Env, Instant } from '../base/env.ts';
import { seeded } from '../base/random.ts';
import { StopSource } from '../base/stop.ts';
import { type Action, act } from '../client/action.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import { poolOf } from './http-backends.ts';
import { meta, service } from './http-objects.test-data.ts';
import { HttpRouter, type HttpSource, type Remark } from './http-router.ts';
import type { Bound, HttpTable } from './http-table.ts';

/** Time that passes when it is told to. */
function still() {
  const waiting: (() => void)[] = [];
  const nothing = () => {};
  const empty = () => new Uint8Array();
  const env: Env = {
    clock: {
      now: () => 0 as Instant,
      monotonic: () => 0,
      after: (_delay, fire) => {
        waiting.push(fire);
        return () => void waiting.splice(waiting.indexOf(fire), 1);
      },
    },
    random: seeded('router'),
    log: { debug: nothing, info: nothing, error: nothing },
    metrics: { count: nothing, gauge: nothing, observe: nothing },
    crypto: { digest: () => '', seal: empty, open: empty, sign: empty, verify: () => false },
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const pass = async () => {
    await settled();
    for (const fire of waiting.splice(0)) fire();
    await settled();
  };
  return { env, pass, waiting };
}

/** A cluster of Services and slices that can be changed, and refuses what it is told to. */
function cluster(env: Env, lists: Readonly<Record<string, readonly KubeObject[]>>) {
  const watchers = new Map<string, (batch: readonly WatchEvent[]) => void>();
  const written: string[] = [];
  let refusal: ApiError | undefined;
  const client = new Client(async ({ method, path, query }) => {
    const plural = path.split('/').at(-1) as string;
    if (method === 'PATCH') {
      if (refusal) throw refusal;
      written.push(path);
      return { status: 200, body: { object: {} } };
    }
    if (query.some(([name]) => name === 'watch')) {
      const watch = { onBatch: (take: never) => void watchers.set(plural, take), onEnd: () => {} };
      return { status: 200, mediaType: '', watch: watch as never };
    }
    const object = { items: lists[plural] ?? [], metadata: { resourceVersion: '1' } };
    return { status: 200, body: { object: object as never } };
  });
  const caches = { services: new Cache(env, client, services), slices: new Cache(env, client, endpointSlices) };
  const change = (plural: string, object: KubeObject) => watchers.get(plural)?.([{ type: 'MODIFIED', object }]);
  const refuse = (error: ApiError | undefined) => {
    refusal = error;
  };
  return { client, ...caches, change, written, refuse };
}

class OneService implements HttpSource {
  synced = true;
  remarks: readonly Remark[] = [];
  changed = (): void => {};
  readonly statusActions: readonly Action[];

  constructor(statusActions: readonly Action[] = []) {
    this.statusActions = statusActions;
  }
  follow(changed: () => void): void {
    this.changed = changed;
  }
  routes(world: Parameters<HttpSource['routes']>[0]) {
    const pool = poolOf(world, { namespace: 'default', name: 'web' }, { number: 80 });
    const action = { type: 'forward', choices: 'problem' in pool ? [] : [{ weight: 1, pool }] } as const;
    const rule = { path: { type: 'Prefix', value: '/' }, action, source: 'one' } as const;
    const hosts = [{ host: '', star: 'one', rules: [rule] }] as const;
    const sites = [{ host: '', star: 'many', hosts }] as const;
    return { listeners: [{ port: 80, tls: false, sites, certificates: [] }], remarks: this.remarks };
  }
  statuses(): readonly Action[] {
    return this.statusActions;
  }
}

const backendsIn = (table: HttpTable | undefined): readonly string[] =>
  (table?.listeners ?? []).flatMap(({ sites }) =>
    sites.flatMap(({ hosts }) =>
      hosts.flatMap(({ rules }) =>
        rules.flatMap(({ action }) =>
          action.type === 'forward'
            ? action.choices.flatMap(({ pool }) => pool?.backends.map(({ ip }) => ip) ?? [])
            : [],
        ),
      ),
    ),
  );

async function started(source: OneService, bound: () => readonly Bound[] = () => []) {
  const world = still();
  const made = service('web');
  const other = service('other');
  const objects = { services: [made.service, other.service], endpointslices: [made.slice, other.slice] };
  const around = cluster(world.env, objects);
  const tables: HttpTable[] = [];
  const told: string[] = [];
  const router = new HttpRouter(world.env, {
    client: around.client,
    services: around.services,
    slices: around.slices,
    sources: [source],
    dataplane: {
      replace: async (table) => {
        tables.push(table);
        return bound();
      },
    },
    tell: ({ message }) => told.push(message),
  });
  const stop = new StopSource();
  for (const part of [around.services, around.slices, router]) void part.run(stop);
  await world.pass();
  return { ...world, ...around, router, tables, told, stop, made, other };
}

test('HttpRouter hands over a table when a Service that it asked for changes, and not for others', async () => {
  const { tables, change, pass, made, other } = await started(new OneService());
  assert.deepEqual(tables.map(backendsIn), [['10.0.0.1']]);
  const moved = (slice: typeof made.slice, ip: string) => ({
    ...slice,
    metadata: { ...slice.metadata, resourceVersion: '2' },
    endpoints: [{ addresses: [ip] }],
  });
  change('endpointslices', moved(other.slice, '10.0.0.7'));
  await pass();
  assert.equal(tables.length, 1);
  change('endpointslices', moved(made.slice, '10.0.0.2'));
  await pass();
  assert.deepEqual(tables.map(backendsIn), [['10.0.0.1'], ['10.0.0.2']]);
});

test('HttpRouter waits for its first sources, and not for one that came later', async () => {
  const slow = new OneService();
  slow.synced = false;
  const { tables, pass } = await started(slow);
  assert.equal(tables.length, 0);
  slow.synced = true;
  slow.changed();
  await pass();
  assert.equal(tables.length, 1);
  const running = await started(new OneService());
  const late = new OneService();
  late.synced = false;
  running.router.add(late);
  await running.pass();
  assert.equal(running.tables.at(-1)?.listeners[0]?.sites.length, 1);
  late.synced = true;
  late.changed();
  await running.pass();
  assert.equal(running.tables.at(-1)?.listeners[0]?.sites.length, 2);
});

test('HttpRouter tells what is wrong once, and again after it had been right', async () => {
  const source = new OneService();
  const about = { apiVersion: 'v1', kind: 'Service', metadata: meta('web') };
  const wrong = [{ about, reason: 'Wrong', message: 'wrong' }];
  source.remarks = wrong;
  const { told, pass } = await started(source);
  for (const remarks of [wrong, [], wrong]) {
    source.remarks = remarks;
    source.changed();
    await pass();
  }
  assert.deepEqual(told, ['wrong', 'wrong']);
});

test('HttpRouter tries again to write what the server did not take', async () => {
  const key = { namespace: 'default', name: 'web' };
  const source = new OneService([act({ verb: 'patch', kind: configMaps, key, patch: {}, subresource: 'status' })]);
  const { written, refuse, pass, waiting } = await started(source);
  assert.equal(written.length, 1);
  refuse(new ApiError('ServiceUnavailable', 'later'));
  source.changed();
  await pass();
  assert.equal(waiting.length, 1);
  refuse(undefined);
  await pass();
  assert.equal(written.length, 2);
  refuse(new ApiError('NotFound', 'gone'));
  source.changed();
  await pass();
  assert.equal(waiting.length, 0);
});

test('HttpRouter asks again for a port that somebody else has', async () => {
  let answers: readonly Bound[] = [{ port: 80, error: 'in use' }];
  const { tables, pass, waiting } = await started(new OneService(), () => answers);
  assert.deepEqual([tables.length, waiting.length], [1, 1]);
  answers = [{ port: 80, host: '127.0.0.1', at: 80 }];
  await pass();
  assert.deepEqual([tables.length, waiting.length], [2, 0]);
});
