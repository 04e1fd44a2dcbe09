import { type Part, partOf, textOf } from '../../../api/kinds/defaulting.ts';
import { type Pod, pods } from '../../../api/kinds/pod.ts';
import { controllerOf } from '../../../api/object.ts';
import type { Clock } from '../../../base/env.ts';
import type { Store } from '../../../store/store.ts';
import { storagePrefix } from '../../kinds.ts';
import { reasonsText, violations } from './evaluate.ts';
import { type LevelVersion, levelText } from './policy.ts';

const podsMax = 3_000;
const patienceMs = 1_000;

/** What to tell whoever makes a namespace stricter about the pods that are in it: nothing happens to them. */
export async function existingPodWarnings(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  namespace: string,
  how: { readonly enforce: LevelVersion; readonly runtimeClasses: readonly string[] },
): Promise<readonly string[]> {
  const { enforce, runtimeClasses } = how;
  const { entries } = await store.list(`${storagePrefix(pods as never)}${namespace}/`);
  const all = byImportance(entries.map(({ value }) => value as unknown as Pod));
  const start = clock.monotonic();
  const groups = new Map<string, string[]>();
  let checked = 0;
  for (const pod of all.slice(0, podsMax)) {
    if (clock.monotonic() - start > patienceMs) break;
    checked++;
    const spec = pod.spec as unknown as Part;
    if (runtimeClasses.includes(textOf(spec.runtimeClassName))) continue;
    const found = violations({ annotations: pod.metadata.annotations ?? {}, spec: partOf(spec) }, enforce);
    if (found.length === 0) continue;
    const reasons = reasonsText(found);
    const group = groups.get(reasons);
    if (group) group.push(pod.metadata.name);
    else groups.set(reasons, [pod.metadata.name]);
  }
  const partly =
    checked < all.length
      ? [`new PodSecurity enforce level only checked against the first ${checked} of ${all.length} existing pods`]
      : [];
  if (groups.size === 0) return partly;
  const head = `existing pods in namespace "${namespace}" violate the new PodSecurity enforce level "${levelText(enforce)}"`;
  const lines = [...groups].map(([reasons, names]) => `${namesText(names)}: ${reasons}`).sort();
  return [...partly, head, ...lines];
}

function namesText(names: readonly string[]): string {
  const [first = '', ...others] = [...names].sort();
  if (others.length === 0) return first;
  return `${first} (and ${others.length} other ${others.length === 1 ? 'pod' : 'pods'})`;
}

/** One of each workload before its equals: all are hardly ever looked at where there are many. */
function byImportance(all: readonly Pod[]): readonly Pod[] {
  const seen = new Set<string>();
  const first: Pod[] = [];
  const rest: Pod[] = [];
  for (const pod of all) {
    const owner = controllerOf(pod)?.uid;
    if (owner !== undefined && seen.has(owner)) rest.push(pod);
    else first.push(pod);
    if (owner !== undefined) seen.add(owner);
  }
  return [...first, ...rest];
}
