import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ingress } from '../api/kinds/ingress.ts';
import { type Key, keyText } from '../api/object.ts';
import type { Cache } from '../machinery/cache.ts';
import { meta, service, serviceWorld } from './http-objects.test-data.ts';
import { IngressSource } from './ingress-source.ts';

const ingress = (
  name: string,
  more: { readonly tls?: boolean; readonly ip?: string; readonly uid?: string } = {},
): Ingress => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: meta(name, { uid: more.uid ?? name }),
  spec: {
    defaultBackend: { service: { name: 'web', port: { number: 80 } } },
    ...(more.tls ? { tls: [{ hosts: ['a.com'] }] } : {}),
  },
  ...(more.ip ? { status: { loadBalancer: { ingress: [{ ip: more.ip }] } } } : {}),
});

/** A cache whose objects are put there by hand, and who follows it. */
function cacheOf(objects: Ingress[]) {
  const followers: ((now?: Ingress, before?: Ingress) => void)[] = [];
  const cache = {
    synced: true,
    list: () => objects,
    get: (key: Key) => objects.find(({ metadata }) => keyText(metadata as Key) === keyText(key)),
    onChange: (follower: () => void) => followers.push(follower),
    onProgress: () => {},
  };
  return {
    cache: cache as unknown as Cache<never>,
    tell: (now?: Ingress, before?: Ingress) => followers[0]?.(now, before),
  };
}

function sourceOf(objects: Ingress[], yields = false) {
  const { cache, tell } = cacheOf(objects);
  const empty = cacheOf([]).cache;
  const source = new IngressSource({ ingresses: cache, classes: empty, secrets: empty, address: '192.0.2.1', yields });
  const ports = () => source.routes(serviceWorld([service('web')])).listeners.map(({ port, tls }) => `${port} ${tls}`);
  const bound = [80, 443].map((port) => ({ port, host: '192.0.2.1', at: port + 8000 }));
  const written = () =>
    (
      source.statuses(bound) as unknown as readonly {
        key: Key;
        patch: { status: { loadBalancer: { ingress: unknown } } };
      }[]
    ).map(({ key, patch }) => [key.name, patch.status.loadBalancer.ingress]);
  return { source, tell, ports, written };
}

const address = (...ports: readonly number[]) => [
  { ip: '192.0.2.1', ports: ports.map((port) => ({ port, protocol: 'TCP' })) },
];

test('IngressSource asks for the port of TLS only where somebody wants TLS, and for none without an Ingress', () => {
  assert.deepEqual(sourceOf([]).ports(), []);
  assert.deepEqual(sourceOf([ingress('web')]).ports(), ['80 false']);
  assert.deepEqual(sourceOf([ingress('web', { tls: true })]).ports(), ['80 false', '443 true']);
});

test('IngressSource writes where an Ingress is really heard, and only what differs', () => {
  const objects = [ingress('plain'), ingress('secure', { tls: true })];
  const { ports, written } = sourceOf(objects);
  ports();
  assert.deepEqual(written(), [
    ['plain', address(8080)],
    ['secure', address(8080, 8443)],
  ]);
  objects[0] = { ...ingress('plain'), status: { loadBalancer: { ingress: address(8080) } } };
  objects[1] = ingress('secure', { uid: 'somebody else' });
  assert.deepEqual(written(), []);
});

test('IngressSource beside a cluster leaves a status alone that somebody has written', () => {
  const objects = [ingress('theirs', { ip: '198.51.100.1' }), ingress('free')];
  const beside = sourceOf(objects, true);
  beside.ports();
  assert.deepEqual(beside.written(), [['free', address(8080)]]);
  const own = sourceOf(objects);
  own.ports();
  assert.equal(own.written().length, 2);
});

test('IngressSource looks again when routes change, and not for a status', () => {
  const { source, tell } = sourceOf([]);
  let changes = 0;
  source.follow(() => changes++);
  tell(ingress('web', { ip: '192.0.2.1' }), ingress('web'));
  assert.equal(changes, 0);
  tell(ingress('web', { tls: true }), ingress('web'));
  tell(undefined, ingress('web'));
  tell(ingress('web'), undefined);
  assert.equal(changes, 3);
});
