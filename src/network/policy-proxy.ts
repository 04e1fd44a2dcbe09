import type { Namespace } from '../api/kinds/namespace.ts';
import type { NetworkPolicy } from '../api/kinds/network-policy.ts';
import type { Pod } from '../api/kinds/pod.ts';
import type { Cancel, Component, Env } from '../base/env.ts';
import { never, type Stop } from '../base/stop.ts';
import type { Cache } from '../machinery/cache.ts';
import type { PolicyDataplane, Protocol } from './dataplane.ts';
import { type PolicyPod, policyTable } from './policy-table.ts';

/** A roll-out changes many pods within a moment. */
const coalesceMs = 5;
const retryMs = 1_000;

export interface PolicyProxyParts {
  readonly policies: Cache<NetworkPolicy>;
  readonly pods: Cache<Pod>;
  readonly namespaces: Cache<Namespace>;
  readonly dataplane: PolicyDataplane;
  /** Whose pods are looked after. Absent: all are of this machine. */
  readonly node?: string;
}

/** Keeps the dataplane as NetworkPolicies have it. */
export class PolicyProxy implements Component {
  readonly name = 'policy-proxy';
  readonly #env: Env;
  readonly #parts: PolicyProxyParts;
  #stop: Stop = never;
  #running = false;
  #timer: Cancel | undefined;
  #busy = false;
  #dirty = false;
  /** Some policy was in force: then their absence has to be told. */
  #told = false;

  constructor(env: Env, parts: PolicyProxyParts) {
    this.#env = env;
    this.#parts = parts;
    for (const cache of [parts.policies, parts.pods, parts.namespaces]) {
      cache.onChange(() => this.#touch(coalesceMs));
      cache.onProgress(() => this.#touch(coalesceMs));
    }
  }

  run(stop: Stop): Promise<void> {
    this.#stop = stop;
    this.#running = true;
    this.#touch(coalesceMs);
    return new Promise((resolve) => {
      stop.onStop(() => {
        this.#running = false;
        this.#timer?.();
        resolve();
      });
    });
  }

  #touch(delay: number): void {
    const { policies, pods, namespaces } = this.#parts;
    if (!this.#running || this.#timer || (policies.list().length === 0 && !this.#told)) return;
    if (this.#busy) {
      this.#dirty = true;
      return;
    }
    // Half a view would shut out pods that the other half allows.
    if (!policies.synced || !pods.synced || !namespaces.synced) return;
    this.#timer = this.#env.clock.after(delay, () => {
      this.#timer = undefined;
      void this.#enforce();
    });
  }

  async #enforce(): Promise<void> {
    const { policies, pods, namespaces, dataplane, node } = this.#parts;
    this.#busy = true;
    this.#dirty = false;
    let delay = coalesceMs;
    try {
      const all = policies.list();
      const world = {
        pods: pods.list().flatMap((pod) => policyPod(pod, node)),
        namespaces: new Map(namespaces.list().map(({ metadata }) => [metadata.name, metadata.labels ?? {}])),
      };
      await dataplane.enforce(policyTable(all, world));
      this.#told = all.length > 0;
    } catch (error) {
      this.#dirty = true;
      delay = retryMs;
      this.#env.log.error('network policies could not be applied, trying again', { error: String(error) });
    }
    this.#busy = false;
    if (this.#dirty && !this.#stop.stopped) this.#touch(delay);
  }
}

/** Pods of the host's network are the host, and those that have ended are nobody. */
function policyPod({ metadata, spec, status }: Pod, node: string | undefined): readonly PolicyPod[] {
  if (spec.hostNetwork || status?.phase === 'Succeeded' || status?.phase === 'Failed') return [];
  const ips = (status?.podIPs ?? []).map(({ ip }) => ip);
  if (ips.length === 0) return [];
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const ports = [...spec.containers, ...sidecars].flatMap((container) =>
    (container.ports ?? []).flatMap(({ name, protocol, containerPort }) =>
      name ? [{ name, protocol: (protocol ?? 'TCP') as Protocol, port: containerPort }] : [],
    ),
  );
  const here = node === undefined || spec.nodeName === node;
  return [{ namespace: metadata.namespace ?? '', labels: metadata.labels ?? {}, ips, ports, here }];
}
