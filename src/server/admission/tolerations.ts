import type { Toleration } from '../../api/kinds/pod.ts';
import { equalJson, type Json } from '../../base/json.ts';

/** Both lists as one, without what another toleration covers already. */
export function mergedTolerations(first: readonly Toleration[], second: readonly Toleration[]): readonly Toleration[] {
  const all = [...first, ...second];
  const merged: Toleration[] = [];
  all.forEach((toleration, index) => {
    const covered =
      merged.some((other) => covers(other, toleration)) ||
      all.slice(index + 1).some((other) => !same(other, toleration) && covers(other, toleration));
    if (!covered) merged.push(toleration);
  });
  return merged;
}

const same = (a: Toleration, b: Toleration): boolean => equalJson(a as unknown as Json, b as unknown as Json);

/** Whether whatever the second bears the first bears too. */
function covers(wide: Toleration, narrow: Toleration): boolean {
  if (same(wide, narrow)) return true;
  const anyKey = !wide.key && wide.operator === 'Exists';
  if ((wide.key ?? '') !== (narrow.key ?? '') && !anyKey) return false;
  if (wide.effect && wide.effect !== narrow.effect) return false;
  if (wide.effect === 'NoExecute' && wide.tolerationSeconds !== undefined) {
    if (narrow.tolerationSeconds === undefined || narrow.tolerationSeconds > wide.tolerationSeconds) return false;
  }
  if (wide.operator === 'Exists') return true;
  return narrow.operator === 'Equal' && (narrow.value ?? '') === (wide.value ?? '');
}
