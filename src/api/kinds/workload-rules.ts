import { equalJson } from '../../base/json.ts';
import { type FieldError, invalid, notSupported } from '../field-error.ts';
import { validateAnnotations, validateLabels } from '../metadata-rules.ts';
import { type LabelSelector, matcherOf } from '../selector.ts';
import { changed, mapOf, type Part, partOf, partsOf } from './defaulting.ts';
import { podSpecRules } from './pod-rules.ts';
import { immutable, notNegative, workloadSelector } from './rules.ts';

/** What holds for all that make pods from a template for ever: selector, template, numbers. */
export function workloadRules(spec: Part, previous: Part | undefined, what: string): readonly FieldError[] {
  // An absent selector is printed as null.
  const selector = (spec.selector ?? undefined) as LabelSelector | undefined;
  // A daemon set without a selector matches nothing, which its template's labels then show.
  const wrong = selector || what !== 'daemonset' ? workloadSelector(selector, 'spec.selector', what) : [];
  const errors: FieldError[] = [
    ...['replicas', 'minReadySeconds', 'revisionHistoryLimit'].flatMap((field) =>
      notNegative(spec[field], `spec.${field}`),
    ),
    ...wrong,
  ];
  const broken = selector !== undefined && wrong.length > 0 && hasRequirements(selector);
  if (broken && what !== 'daemonset') {
    errors.push(invalid('spec.selector', selector, 'invalid label selector'));
  } else if (!broken && (selector || what === 'daemonset')) errors.push(...matchRules(matcherOf(selector), spec));
  errors.push(...templateRules(withClaims(spec), 'spec.template'));
  errors.push(...alwaysRestarts(partOf(partOf(spec.template).spec), 'spec.template.spec'));
  if (previous && what !== 'statefulset' && !equalJson(spec.selector, previous.selector)) {
    errors.push(invalid('spec.selector', spec.selector ?? null, immutable));
  }
  return errors;
}

/** Claims that a set makes for each pod are volumes of the pod, although its template does not say so. */
function withClaims(spec: Part): Part {
  const claims = partsOf(spec.volumeClaimTemplates).map((claim) => partOf(claim.metadata).name);
  if (claims.length === 0) return partOf(spec.template);
  return changed(partOf(spec.template), 'spec', (podSpec) => {
    const own = partsOf(podSpec.volumes);
    const added = claims.filter((name) => name && !own.some((volume) => volume.name === name));
    const volumes = added.map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
    return { ...podSpec, volumes: [...own, ...volumes] };
  });
}

const hasRequirements = ({ matchLabels, matchExpressions }: LabelSelector): boolean =>
  Object.keys(matchLabels ?? {}).length + (matchExpressions ?? []).length > 0;

function matchRules(matches: (labels: Readonly<Record<string, string>>) => boolean, spec: Part): readonly FieldError[] {
  const labels = mapOf(partOf(partOf(spec.template).metadata).labels);
  if (matches(labels)) return [];
  const shown = Object.keys(labels).length > 0 ? labels : null;
  return [invalid('spec.template.metadata.labels', shown, '`selector` does not match template `labels`')];
}

/** What holds for every template of a pod. */
export function templateRules(template: Part, path: string): readonly FieldError[] {
  const { labels, annotations } = partOf(template.metadata);
  return [
    ...validateLabels(mapOf(labels), `${path}.labels`),
    ...validateAnnotations(mapOf(annotations), `${path}.annotations`),
    ...podSpecRules(partOf(template.spec), `${path}.spec`),
  ];
}

/** Pods that are kept in number must always be started again. */
export function alwaysRestarts(podSpec: Part, path: string): readonly FieldError[] {
  const { restartPolicy, activeDeadlineSeconds } = podSpec;
  return [
    ...(restartPolicy === 'Always' ? [] : [notSupported(`${path}.restartPolicy`, restartPolicy, ['Always'])]),
    ...(activeDeadlineSeconds === undefined
      ? []
      : [
          {
            path: `${path}.activeDeadlineSeconds`,
            type: 'Forbidden' as const,
            text: 'Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported',
          },
        ]),
  ];
}
