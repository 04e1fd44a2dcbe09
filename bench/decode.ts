/** Pods per second through the decoders, from the bytes of a request to a checked object: `node bench/decode.ts`. */
import { encodeProtobuf } from '../src/api/protobuf-encode.ts';
import { type ApiRequest, jsonType, protobufType, yamlType } from '../src/api/wire.ts';
import { encodeYaml } from '../src/api/yaml/encode.ts';
import { encodeText, type JsonObject } from '../src/base/json.ts';
import { never } from '../src/base/stop.ts';
import { checked, decodeObject } from '../src/server/decode.ts';

const facts = { group: '', version: 'v1', kind: 'Pod' };
const roundMs = 1_000;
/** As a Deployment makes them: two containers with probes, resources and volumes. */
const pod: JsonObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web-5d4f8c7b9-x2x7k', namespace: 'default', labels: { app: 'web', tier: 'front' } },
  spec: {
    containers: ['web', 'side'].map((name) => ({
      name,
      image: `registry.example.com/${name}:1.2.3`,
      args: ['--port=8080', '--verbose'],
      env: [
        { name: 'A', value: '1' },
        { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      ],
      ports: [{ name: 'http', containerPort: 8080 }],
      resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '128Mi' } },
      readinessProbe: { httpGet: { path: '/ready', port: 'http' }, periodSeconds: 5 },
      volumeMounts: [{ name: 'data', mountPath: '/data' }],
    })),
    volumes: [{ name: 'data', emptyDir: {} }],
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' }],
  },
};

const request = (mediaType: string, bytes: Uint8Array, fieldValidation: string): ApiRequest => ({
  method: 'POST',
  path: '/api/v1/namespaces/default/pods',
  query: [['fieldValidation', fieldValidation]],
  headers: {},
  body: { bytes, mediaType },
  stop: never,
});

// Before anything else has asked for the table.
firstPod();
const json = encodeText(JSON.stringify(pod));
const yaml = encodeText(encodeYaml(pod));
const strict = request(jsonType, json, 'Strict');
const ignore = request(jsonType, json, 'Ignore');
const asYaml = request(yamlType, yaml, 'Strict');
const asProtobuf = request(protobufType, encodeProtobuf(pod), 'Strict');

measure('structure alone', json.length, () => checked(pod, facts, 'Strict'));
measure('json, duplicates not looked for', json.length, () => decodeObject(ignore, facts));
measure('json, strict', json.length, () => decodeObject(strict, facts));
measure('yaml, strict', yaml.length, () => decodeObject(asYaml, facts));
measure('protobuf', json.length, () => decodeObject(asProtobuf, facts));
measure('written as protobuf', json.length, () => encodeProtobuf(pod));

/** What the first Pod of a process costs: its group's table is read then. */
function firstPod(): void {
  const before = process.memoryUsage().heapUsed;
  const begun = performance.now();
  checked(pod, facts, 'Strict');
  const took = performance.now() - begun;
  const kilobytes = (process.memoryUsage().heapUsed - before) / 1_000;
  console.log(`table loaded and first Pod checked in ${took.toFixed(1)} ms, ${kilobytes.toFixed(0)} kB of heap`);
}

function measure(what: string, bytes: number, work: () => unknown): void {
  for (let warm = 0; warm < 5_000; warm++) work();
  let done = 0;
  const start = performance.now();
  while (performance.now() - start < roundMs) {
    for (let index = 0; index < 100; index++) work();
    done += 100;
  }
  const perSecond = Math.round((done * 1_000) / (performance.now() - start));
  console.log(JSON.stringify({ bench: 'decode', what, podsPerSecond: perSecond, bytes }));
}
