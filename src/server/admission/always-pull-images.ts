import { type Part, partOf, partsOf, textOf } from '../../api/kinds/defaulting.ts';
import { type Pod, pods } from '../../api/kinds/pod.ts';
import type { KubeObject } from '../../api/object.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { isAbout, joinedReasons, refusal } from './refusal.ts';

const lists = ['initContainers', 'containers', 'ephemeralContainers'] as const;
const wanted = 'Always';

/** Who may not pull an image may not use the copy of whoever did. Off unless somebody wants it. */
export class AlwaysPullImages implements AdmissionPlugin {
  readonly name = 'AlwaysPullImages';

  mutate(object: KubeObject, request: AdmissionRequest): KubeObject {
    if (!isJudged(object, request)) return object;
    const spec = partOf(object.spec);
    const changed: Record<string, unknown> = { ...spec };
    for (const name of lists) {
      if (spec[name] !== undefined)
        changed[name] = partsOf(spec[name]).map((container) => ({ ...container, imagePullPolicy: wanted }));
    }
    if (spec.volumes !== undefined)
      changed.volumes = partsOf(spec.volumes).map((volume) =>
        volume.image === undefined ? volume : { ...volume, image: { ...partOf(volume.image), pullPolicy: wanted } },
      );
    return { ...object, spec: changed } as KubeObject;
  }

  validate(object: KubeObject | undefined, request: AdmissionRequest): void {
    if (!object || !isJudged(object, request)) return;
    const spec = partOf(object.spec);
    const wrong = lists.flatMap((name) =>
      partsOf(spec[name]).flatMap(({ imagePullPolicy }, index) =>
        imagePullPolicy === wanted ? [] : [fault(`spec.${name}[${index}].imagePullPolicy`, textOf(imagePullPolicy))],
      ),
    );
    if (wrong.length > 0) throw refusal(request, joinedReasons(wrong));
  }
}

const fault = (field: string, value: string) =>
  `${field}: Unsupported value: ${JSON.stringify(value)}: supported values: "${wanted}"`;

/** An update that brings no image is let through: what it has was judged before. */
function isJudged(object: KubeObject, request: AdmissionRequest): boolean {
  const { operation, previous } = request;
  if (!isAbout(request, pods) || (operation !== 'CREATE' && operation !== 'UPDATE')) return false;
  if (operation === 'CREATE' || !previous) return true;
  const known = new Set(imagesOf(partOf((previous as Pod).spec)));
  return imagesOf(partOf(object.spec)).some((image) => !known.has(image));
}

const imagesOf = (spec: Part): readonly string[] =>
  lists.flatMap((name) => partsOf(spec[name]).map(({ image }) => textOf(image)));
