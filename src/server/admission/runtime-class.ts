import { type Pod, pods, type Toleration } from '../../api/kinds/pod.ts';
import { runtimeClasses } from '../../api/kinds/runtime-class.ts';
import type { KubeObject, Labels } from '../../api/object.ts';
import { parseQuantity } from '../../api/quantity.ts';
import type { Store } from '../../store/store.ts';
import { ObjectIndex } from './object-index.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { isAbout, refusal } from './refusal.ts';
import { mergedTolerations } from './tolerations.ts';

interface ClassFields extends KubeObject {
  readonly overhead?: { readonly podFixed?: Labels };
  readonly scheduling?: { readonly nodeSelector?: Labels; readonly tolerations?: readonly Toleration[] };
}

/** A pod bears what its runtime class costs, and goes where that runtime is. */
export class RuntimeClass implements AdmissionPlugin {
  readonly name = 'RuntimeClass';
  readonly kinds = [pods];
  readonly #classes: ObjectIndex<ClassFields>;

  constructor(store: Store) {
    this.#classes = new ObjectIndex(store, runtimeClasses as never);
  }

  mutate(object: KubeObject, request: AdmissionRequest): Promise<KubeObject> | KubeObject {
    if (request.operation !== 'CREATE' || !isAbout(request, pods)) return object;
    const pod = object as Pod;
    return this.#withClass(pod, request, (found) =>
      found ? scheduled(withOverhead(pod, found, request), found, request) : pod,
    );
  }

  validate(object: KubeObject | undefined, request: AdmissionRequest): Promise<void> | void {
    if (request.operation !== 'CREATE' || !isAbout(request, pods) || !object) return;
    const pod = object as Pod;
    return this.#withClass(pod, request, (found) => this.#check(pod, found, request));
  }

  #check(pod: Pod, found: ClassFields | undefined, request: AdmissionRequest): void {
    if (found?.overhead) {
      if (!equalAmounts(found.overhead.podFixed, pod.spec.overhead)) throw otherOverhead(request);
    } else if (pod.spec.overhead) {
      throw refusal(request, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
    }
  }

  #withClass<R>(pod: Pod, request: AdmissionRequest, run: (found: ClassFields | undefined) => R): Promise<R> | R {
    const { runtimeClassName: name } = pod.spec;
    if (name === undefined) return run(undefined);
    return this.#classes.whenReady(() => {
      const found = this.#classes.get('', name);
      if (!found) throw refusal(request, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
      return run(found);
    });
  }
}

function withOverhead(pod: Pod, { overhead }: ClassFields, request: AdmissionRequest): Pod {
  if (!overhead) return pod;
  const { podFixed = {} } = overhead;
  if (pod.spec.overhead && !equalAmounts(podFixed, pod.spec.overhead)) throw otherOverhead(request);
  return { ...pod, spec: { ...pod.spec, overhead: podFixed } };
}

function scheduled(pod: Pod, { scheduling }: ClassFields, request: AdmissionRequest): Pod {
  if (!scheduling) return pod;
  const { nodeSelector = {}, tolerations = [] } = scheduling;
  const own = pod.spec.nodeSelector ?? {};
  for (const [key, value] of Object.entries(nodeSelector)) {
    if (own[key] === undefined || own[key] === value) continue;
    throw refusal(
      request,
      `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own[key]}`,
    );
  }
  const selector = { ...own, ...nodeSelector };
  const merged = mergedTolerations(pod.spec.tolerations ?? [], tolerations);
  return {
    ...pod,
    spec: {
      ...pod.spec,
      ...(Object.keys(selector).length > 0 ? { nodeSelector: selector } : {}),
      ...(merged.length > 0 ? { tolerations: merged } : {}),
    },
  };
}

function equalAmounts(a: Labels = {}, b: Labels = {}): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => {
    const other = b[name];
    return other !== undefined && parseQuantity(a[name] as string).nanos === parseQuantity(other).nanos;
  });
}

const otherOverhead = (request: AdmissionRequest) =>
  refusal(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
