/**
 * What following the owners of fields costs each write: `node bench/managed-fields.ts`. The same pod is created, and its
 * status and a label changed, the work of a write alone: nothing is stored, nothing sent.
 */
import { makeKind } from '../src/api/kind.ts';
import { builtInKinds } from '../src/api/kinds/all.ts';
import type { KubeObject } from '../src/api/object.ts';
import type { Json } from '../src/base/json.ts';
import { encodeText } from '../src/base/json.ts';
import { finish } from '../src/base/steps.ts';
import { hostEnv } from '../src/host/env.ts';
import { FieldTracker } from '../src/server/field-tracker.ts';
import { KindRegistry } from '../src/server/kinds.ts';

const rounds = 20_000;
const kind = builtInKinds.find(({ group, plural }) => group === '' && plural === 'pods') ?? makeKind({} as never);
const tracker = new FieldTracker(new KindRegistry(builtInKinds), hostEnv().clock);
const route = { kind, namespace: 'default', name: 'web-0', subresource: '', rest: '', verb: 'update' } as const;

const container = (name: string) => ({
  name,
  image: 'nginx:1.27',
  ports: [{ containerPort: 80, protocol: 'TCP' }],
  env: [{ name: 'A', value: '1' }],
  resources: { requests: { cpu: '100m', memory: '64Mi' } },
  readinessProbe: { httpGet: { path: '/', port: 80, scheme: 'HTTP' }, periodSeconds: 10, timeoutSeconds: 1 },
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
  imagePullPolicy: 'IfNotPresent',
  volumeMounts: [{ name: 'data', mountPath: '/data' }],
});
const pod = (more: { readonly labels?: Json; readonly status?: Json } = {}) =>
  ({
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name: 'web-0', namespace: 'default', uid: 'u', labels: more.labels ?? { app: 'web' } },
    spec: {
      containers: [container('app'), container('side')],
      volumes: [{ name: 'data', emptyDir: {} }],
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      schedulerName: 'default-scheduler',
      securityContext: {},
      terminationGracePeriodSeconds: 30,
    },
    status: more.status ?? { phase: 'Pending' },
  }) as unknown as KubeObject;

const running = {
  phase: 'Running',
  podIP: '10.0.0.1',
  conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({ type, status: 'True' })),
};
const live = finish(tracker.written(route, undefined, pod(), 'kubectl'));
const status = { ...route, subresource: 'status' };
// Read again for each write, as a request is: nothing but what is stored is shared.
const next = (more: Parameters<typeof pod>[0]) => {
  const made = pod(more);
  return { ...made, metadata: { ...made.metadata, managedFields: live.metadata.managedFields ?? [] } };
};

measure('create', () => finish(tracker.written(route, undefined, pod(), 'kubectl')));
measure('update of a label', () => finish(tracker.written(route, live, next({ labels: { app: 'x' } }), 'kubectl')));
measure('update of the status', () => finish(tracker.written(status, live, next({ status: running }), 'kubelet')));
measure('update that changes nothing', () => finish(tracker.written(route, live, next({}), 'kubectl')));
measure('(making the pod itself)', () => pod());
const bytes = (object: KubeObject) => encodeText(JSON.stringify(object)).length;
console.log(`a pod of ${bytes(pod())} bytes has ${bytes(live) - bytes(pod())} bytes of managed fields`);

function measure(what: string, write: () => unknown): void {
  for (let round = 0; round < rounds; round++) write();
  const started = performance.now();
  for (let round = 0; round < rounds; round++) write();
  console.log(`${(((performance.now() - started) * 1000) / rounds).toFixed(1)} microseconds: ${what}`);
}
