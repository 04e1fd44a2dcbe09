import { partOf, partsOf } from '../../api/kinds/defaulting.ts';
import { type Pod, pods, type Toleration } from '../../api/kinds/pod.ts';
import type { KubeObject } from '../../api/object.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { isAbout } from './refusal.ts';
import { mergedTolerations } from './tolerations.ts';

/** A pod that asks for a device may run where only pods with that device may. Off unless somebody wants it. */
export class ExtendedResourceToleration implements AdmissionPlugin {
  readonly name = 'ExtendedResourceToleration';

  mutate(object: KubeObject, request: AdmissionRequest): KubeObject {
    const { operation } = request;
    if (!isAbout(request, pods) || (operation !== 'CREATE' && operation !== 'UPDATE')) return object;
    const pod = object as Pod;
    const spec = partOf(pod.spec);
    const names = [...partsOf(spec.containers), ...partsOf(spec.initContainers)].flatMap(({ resources }) =>
      Object.keys(partOf(partOf(resources).requests)).filter(isExtended),
    );
    if (names.length === 0) return object;
    const added = [...new Set(names)]
      .sort()
      .map((key): Toleration => ({ key, operator: 'Exists', effect: 'NoSchedule' }));
    return { ...pod, spec: { ...pod.spec, tolerations: mergedTolerations(pod.spec.tolerations ?? [], added) } };
  }
}

const isExtended = (name: string): boolean =>
  name.includes('/') && !/(^|\.)kubernetes\.io\//.test(name) && !name.startsWith('requests.');
