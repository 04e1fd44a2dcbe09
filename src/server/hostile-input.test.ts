import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admin, attackedServer } from '../sim/attacked-server.ts';

const maps = '/api/v1/namespaces/a/configmaps';

interface Answered {
  readonly message?: string;
  readonly data?: object;
}

async function hostile() {
  const all = await attackedServer();
  const send = async (method: 'POST' | 'PUT' | 'PATCH', path: string, text: string, mediaType: string) => {
    const { status, object } = await all.send(`${method} ${path}`, text, mediaType);
    return { status, object: object as Answered };
  };
  return { ...all, send };
}

/** With a message. Upstream answers 500 to an apply of what the kind does not have, and so does this server. */
const isRefusal = (status: number, { message = '' }: { readonly message?: string }): boolean =>
  message !== '' && ((status >= 400 && status < 500) || message.includes('field not declared in schema'));

/** What a polluted prototype would show on every object there is. */
function assertClean(): void {
  const probe: Readonly<Record<string, unknown>> = {};
  assert.equal(probe['polluted'], undefined);
  assert.equal(([] as unknown as Record<string, unknown>)['polluted'], undefined);
  assert.equal((() => {}).prototype, undefined);
  assert.deepEqual(Object.keys(Object.prototype), []);
}

const identity = '"apiVersion":"v1","kind":"ConfigMap"';
const bad = '{"polluted":"yes"}';

test('no body that is written reaches a prototype', async () => {
  const { send } = await hostile();
  const bodies = [
    `{${identity},"metadata":{"name":"m0"},"__proto__":${bad}}`,
    `{${identity},"metadata":{"name":"m1","__proto__":${bad}}}`,
    `{${identity},"metadata":{"name":"m2","labels":{"__proto__":"yes"}}}`,
    `{${identity},"metadata":{"name":"m3"},"data":{"__proto__":"yes","constructor":"x"}}`,
    `{${identity},"metadata":{"name":"m4"},"constructor":{"prototype":${bad}}}`,
    `{${identity},"metadata":{"name":"__proto__"}}`,
    `{"__proto__":{${identity},"metadata":{"name":"m5"}}}`,
    `{"apiVersion":"__proto__","kind":"constructor","metadata":{"name":"m6"}}`,
  ];
  for (const body of bodies) {
    for (const type of ['application/json', 'application/yaml']) {
      const { status } = await send('POST', maps, body, type);
      assert.ok([201, 400, 409, 422].includes(status), `${status}: ${body}`);
      assertClean();
    }
  }
});

test('no patch reaches a prototype', async () => {
  const { send, make, ask } = await hostile();
  await make(maps, { metadata: { name: 'm', labels: { a: 'b' } }, data: { a: 'b' } });
  const at = `${maps}/m`;
  const patches: readonly (readonly [string, string])[] = [
    ['merge-patch', `{"__proto__":${bad}}`],
    ['merge-patch', `{"metadata":{"__proto__":${bad}}}`],
    ['merge-patch', `{"metadata":{"labels":{"__proto__":${bad}}}}`],
    ['merge-patch', `{"data":{"__proto__":"yes"},"constructor":{"prototype":${bad}}}`],
    ['strategic-merge-patch', `{"__proto__":${bad}}`],
    ['strategic-merge-patch', `{"metadata":{"__proto__":${bad},"labels":{"__proto__":null}}}`],
    ['strategic-merge-patch', `{"metadata":{"$retainKeys":["__proto__"],"__proto__":${bad}}}`],
    ['strategic-merge-patch', `{"data":{"$patch":"replace","__proto__":"yes"}}`],
    ['json-patch', `[{"op":"add","path":"/__proto__/polluted","value":"yes"}]`],
    ['json-patch', `[{"op":"add","path":"/metadata/__proto__/polluted","value":"yes"}]`],
    ['json-patch', `[{"op":"add","path":"/constructor/prototype/polluted","value":"yes"}]`],
    ['json-patch', `[{"op":"replace","path":"/data/__proto__","value":${bad}}]`],
    ['json-patch', `[{"op":"copy","from":"/data","path":"/metadata/__proto__"}]`],
    ['json-patch', `[{"op":"move","from":"/__proto__","path":"/data/x"}]`],
    ['json-patch', `[{"op":"remove","path":"/__proto__/toString"}]`],
    ['json-patch', `[{"op":"test","path":"/__proto__/toString","value":null}]`],
    ['apply-patch', `{${identity},"metadata":{"name":"m","__proto__":${bad}},"data":{"__proto__":"yes"}}`],
    ['apply-patch', `{${identity},"metadata":{"name":"m"},"__proto__":${bad}}`],
  ];
  for (const [how, patch] of patches) {
    const type = how === 'apply-patch' ? 'application/apply-patch+yaml' : `application/${how}+json`;
    const { status, object } = await send('PATCH', `${at}?fieldManager=t&force=true`, patch, type);
    assert.ok(status === 200 || isRefusal(status, object), `${status}: ${patch}`);
    assertClean();
  }
  const { toString } = Object.prototype;
  assert.equal(typeof toString, 'function');
  assert.equal((await ask(admin, `GET ${at}`)).status, 200);
});

test('names that every object has are names of nothing', async () => {
  const { ask } = await hostile();
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    for (const path of [
      `/${name}`,
      `/api/${name}`,
      `/apis/${name}`,
      `/apis/${name}/v1`,
      `/apis/apps/${name}`,
      `/api/v1/${name}`,
      `/api/v1/namespaces/a/${name}`,
      `/api/v1/namespaces/a/pods/x/${name}`,
      `${maps}/${name}`,
      `/openapi/v3/${name}`,
      `/openapi/v3/apis/${name}/v1`,
    ]) {
      assert.equal((await ask(admin, `GET ${path}`)).status, 404, path);
    }
    const lists = await ask(admin, `GET /api/v1/namespaces/${name}/pods`);
    assert.deepEqual([lists.status, lists.body['items']], [200, []]);
    const { status } = await ask(admin, `GET ${maps}?fieldSelector=${name}=x`);
    assert.equal(status, 400, name);
    const labelled = await ask(admin, `GET ${maps}?labelSelector=${name}`);
    assert.ok(labelled.status === 400 || (labelled.body['items'] as unknown as object[]).length === 0, name);
  }
});

/** Nine of the level below in each: a billion after nine levels. */
function laughs(levels: number): string {
  const lines = ['a0: &a0 [x,x,x,x,x,x,x,x,x]'];
  for (let level = 1; level < levels; level++) {
    lines.push(`a${level}: &a${level} [${Array.from({ length: 9 }, () => `*a${level - 1}`).join(',')}]`);
  }
  return lines.join('\n');
}

test('YAML that unfolds to more than it is is refused before it does', async () => {
  const { send } = await hostile();
  const object = (rest: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n${rest}\n`;
  const bombs = [
    laughs(12),
    `${laughs(200)}\ndata: *a199`,
    `data: &a {b: *a}`,
    `a: &a\n  x: 1\n${Array.from({ length: 60 }, (_, at) => `b${at}: {<<: [${'*a,'.repeat(500)}*a]}`).join('\n')}`,
    `data: ${'['.repeat(100_000)}`,
    `data: ${'{a: '.repeat(20_000)}`,
  ];
  for (const bomb of bombs) {
    for (const [method, type, path] of [
      ['POST', 'application/yaml', maps],
      ['PATCH', 'application/apply-patch+yaml', `${maps}/m?fieldManager=t`],
    ] as const) {
      const begun = process.cpuUsage();
      const { status, object: told } = await send(method, path, object(bomb), type);
      const spentMs = process.cpuUsage(begun).user / 1000;
      assert.ok(status < 300 || isRefusal(status, told), `${status} ${bomb.slice(0, 30)}`);
      assert.ok(spentMs < 2_000, `${spentMs} ms: ${bomb.slice(0, 30)}`);
    }
  }
});
