import type { KubeObject } from '../../api/object.ts';
import { compareText } from '../../base/text.ts';

/** Of the classes that say they are the default the newest; of equally old ones the first by name. */
export function defaultClass<T extends KubeObject>(
  classes: readonly T[],
  annotations: readonly string[],
): T | undefined {
  const marked = classes.filter(({ metadata }) =>
    annotations.some((annotation) => metadata.annotations?.[annotation] === 'true'),
  );
  const [first] = marked.sort(
    ({ metadata: a }, { metadata: b }) =>
      compareText(b.creationTimestamp, a.creationTimestamp) || compareText(a.name, b.name),
  );
  return first;
}
