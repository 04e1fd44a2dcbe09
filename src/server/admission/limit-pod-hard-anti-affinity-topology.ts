import { partOf, partsOf, textOf } from '../../api/kinds/defaulting.ts';
import { pods } from '../../api/kinds/pod.ts';
import type { KubeObject } from '../../api/object.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { isAbout, refusal } from './refusal.ts';

const allowed = 'kubernetes.io/hostname';

/** A pod keeps others from its node, not from a whole zone. Off unless somebody wants it. */
export class LimitPodHardAntiAffinityTopology implements AdmissionPlugin {
  readonly name = 'LimitPodHardAntiAffinityTopology';

  validate(object: KubeObject | undefined, request: AdmissionRequest): void {
    const { operation } = request;
    if (!object || !isAbout(request, pods) || (operation !== 'CREATE' && operation !== 'UPDATE')) return;
    const { podAntiAffinity } = partOf(partOf(object.spec).affinity);
    const terms = partsOf(partOf(podAntiAffinity).requiredDuringSchedulingIgnoredDuringExecution);
    const wrong = terms.map(({ topologyKey }) => textOf(topologyKey)).find((key) => key !== allowed);
    if (wrong === undefined) return;
    const where = 'affinity.PodAntiAffinity.RequiredDuringScheduling';
    throw refusal(request, `${where} has TopologyKey ${wrong} but only key ${allowed} is allowed`);
  }
}
