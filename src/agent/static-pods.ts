import { isApiError } from '../api/error.ts';
import { nodes } from '../api/kinds/node.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import { keyOf, keyText } from '../api/object.ts';
import { type Component, type Env, sleep } from '../base/env.ts';
import { Fingerprint } from '../base/hash.ts';
import { canonicalJson, isObject, type Json } from '../base/json.ts';
import type { Stop } from '../base/stop.ts';
import type { Client } from '../client/client.ts';

const mirrorAnnotation = 'kubernetes.io/config.mirror';
const hashAnnotation = 'kubernetes.io/config.hash';
const sourceAnnotation = 'kubernetes.io/config.source';
const lookMs = 2_000;

/** The files of a folder, each read as what it describes; or why it cannot be. */
export interface ManifestFolder {
  read(): Promise<readonly Manifest[]>;
}
export type Manifest = { readonly file: string } & ({ readonly object: unknown } | { readonly error: string });

export interface StaticPodParts {
  readonly env: Env;
  readonly client: Client;
  readonly node: string;
  readonly folder: ManifestFolder;
  /** What the cluster has under this name on this node. */
  mirror(pod: Pod): Pod | undefined;
  /** Mirrors on this node. */
  mirrors(): readonly Pod[];
  /** From now on exactly these pods are the node's own. */
  wanted(pods: ReadonlyMap<string, Pod>): void;
}

/**
 * Pods that a node has from a folder of its own, whatever the cluster says: each runs under the identity that its file
 * gives it. The cluster gets a mirror of each, so that one can see it and ask it for its logs; who deletes a mirror
 * deletes the mirror alone.
 */
export class StaticPods implements Component {
  readonly name: string;
  readonly #parts: StaticPodParts;
  #known: ReadonlyMap<string, Pod> = new Map();
  readonly #complaints = new Set<string>();
  #ready = false;
  readonly #waiting: (() => void)[] = [];

  constructor(parts: StaticPodParts) {
    this.#parts = parts;
    this.name = `static-pods/${parts.node}`;
  }

  /** Before the folder was read, a pod that is not known may be one of its own. */
  get ready(): boolean {
    return this.#ready;
  }

  whenReady(tell: () => void): void {
    if (this.#ready) tell();
    else this.#waiting.push(tell);
  }

  async run(stop: Stop): Promise<void> {
    const { env, folder, node } = this.#parts;
    while (!stop.stopped) {
      try {
        this.#take(await folder.read());
        await this.#mirrorAll();
      } catch (error) {
        env.log.debug('static pods are looked at again', { node, error: String(error) });
      }
      await sleep(env.clock, lookMs, stop).catch(() => {});
    }
  }

  #take(manifests: readonly Manifest[]): void {
    const found = new Map<string, Pod>();
    for (const manifest of manifests) {
      try {
        if ('error' in manifest) throw new Error(manifest.error);
        const pod = staticPod(manifest.object, this.#parts.node);
        found.set(pod.metadata.uid, this.#known.get(pod.metadata.uid) ?? pod);
      } catch (error) {
        this.#complain(manifest.file, (error as Error).message);
      }
    }
    this.#ready = true;
    for (const tell of this.#waiting.splice(0)) tell();
    const same = found.size === this.#known.size && [...found.keys()].every((uid) => this.#known.has(uid));
    if (same) return;
    this.#known = found;
    this.#parts.wanted(found);
  }

  /** Once for each thing that is wrong. */
  #complain(file: string, why: string): void {
    const { env, node } = this.#parts;
    if (this.#complaints.has(`${file} ${why}`)) return;
    this.#complaints.add(`${file} ${why}`);
    env.log.error('a file of a static pod is left out', { node, file, error: why });
  }

  async #mirrorAll(): Promise<void> {
    const byName = new Map([...this.#known.values()].map((pod) => [keyText(keyOf(pod)), pod]));
    for (const mirror of this.#parts.mirrors()) {
      const own = byName.get(keyText(keyOf(mirror)));
      const isRight = own && hashOf(own) === mirror.metadata.annotations?.[mirrorAnnotation];
      if (!isRight || mirror.metadata.deletionTimestamp) await this.#remove(mirror);
    }
    for (const pod of this.#known.values()) if (!this.#parts.mirror(pod)) await this.#create(pod);
  }

  async #remove(mirror: Pod): Promise<void> {
    const { uid } = mirror.metadata;
    await this.#parts.client
      .send({ verb: 'delete', kind: pods, key: keyOf(mirror), uid, graceSeconds: 0 })
      .catch((error: unknown) => {
        if (!isApiError(error, 'NotFound', 'Conflict')) throw error;
      });
  }

  async #create(pod: Pod): Promise<void> {
    const { client, node } = this.#parts;
    const { metadata } = await client.get(nodes, { namespace: '', name: node });
    const owner = { apiVersion: 'v1', kind: 'Node', name: node, uid: metadata.uid, controller: true };
    const { name, namespace, labels, annotations } = pod.metadata;
    const object = {
      metadata: {
        name,
        namespace,
        ...(labels ? { labels } : {}),
        annotations: { ...annotations, [mirrorAnnotation]: hashOf(pod) },
        ownerReferences: [owner],
      },
      spec: pod.spec,
    };
    await client.send({ verb: 'create', kind: pods, object: object as unknown as Pod }).catch((error: unknown) => {
      // It is there, and the cache has not heard of it yet; or the namespace is not there yet.
      if (!isApiError(error, 'AlreadyExists', 'NotFound')) throw error;
    });
  }
}

export const isMirror = ({ metadata }: Pod): boolean => metadata.annotations?.[mirrorAnnotation] !== undefined;
export const sameName = (one: Pod, other: Pod): boolean => keyText(keyOf(one)) === keyText(keyOf(other));

const hashOf = ({ metadata }: Pod): string => metadata.annotations?.[hashAnnotation] ?? '';

/** What a file says, as a pod of this node. Throws with what is wrong about it. */
export function staticPod(object: unknown, node: string): Pod {
  if (!isObject(object) || object['kind'] !== 'Pod' || object['apiVersion'] !== 'v1') {
    throw new Error('kind must be Pod and apiVersion v1');
  }
  const { metadata, spec } = object as { readonly metadata?: Json; readonly spec?: Json };
  if (!isObject(metadata) || typeof metadata['name'] !== 'string' || metadata['name'] === '') {
    throw new Error('metadata.name must be a name');
  }
  if (!isObject(spec) || !Array.isArray(spec['containers'])) throw new Error('spec.containers must be a list');
  const namespace = typeof metadata['namespace'] === 'string' ? metadata['namespace'] : 'default';
  const name = `${metadata['name']}-${node}`;
  const hash = digest(canonicalJson([node, namespace, name, metadata, spec]));
  const tolerations = [...((spec['tolerations'] as readonly Json[] | undefined) ?? []), staysOnNode];
  const annotations = { ...(metadata['annotations'] as object), [hashAnnotation]: hash, [sourceAnnotation]: 'file' };
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(isObject(metadata['labels']) ? { labels: metadata['labels'] } : {}),
      name,
      namespace,
      annotations,
      uid: hash,
      resourceVersion: '0',
      creationTimestamp: '',
    },
    spec: { ...spec, nodeName: node, tolerations },
  };
  return pods.rules.defaults?.(pod as unknown as Pod) ?? (pod as unknown as Pod);
}

const staysOnNode: Json = { operator: 'Exists', effect: 'NoExecute' };

/** Long enough that no two files of a node meet. */
function digest(text: string): string {
  const [first, second] = [new Fingerprint(), new Fingerprint()];
  first.add(text);
  second.add('second');
  second.add(text);
  return `${first}${second}`;
}
