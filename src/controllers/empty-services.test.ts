import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service } from '../api/kinds/service.ts';
import type { Instant } from '../base/env.ts';
import { EmptyServices } from './empty-services.ts';

const service = { metadata: { name: 'web', namespace: 'n', uid: 's' }, spec: { selector: { app: 'web' } } };
const looks: readonly { readonly at: number; readonly pods: number; readonly told: number; readonly again?: number }[] =
  [
    { at: 0, pods: 0, told: 0, again: 60_000 },
    { at: 50_000, pods: 0, told: 0, again: 10_000 },
    { at: 60_000, pods: 0, told: 1 },
    { at: 70_000, pods: 0, told: 0 },
    { at: 80_000, pods: 1, told: 0 },
    { at: 90_000, pods: 0, told: 0, again: 60_000 },
    { at: 150_000, pods: 0, told: 1 },
  ];

test('a Service that selects nothing warns once each time, and not at once', () => {
  const empty = new EmptyServices();
  for (const { at, pods, told, again } of looks) {
    const found = empty.look(service as unknown as Service, pods, at as Instant);
    assert.equal(found.notices.length, told, `at ${at}`);
    assert.equal(found.again, again, `at ${at}`);
    if (told > 0) assert.match(found.notices[0]?.message ?? '', /selects: app=web$/);
  }
});
