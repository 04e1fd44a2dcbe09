import type { KindRules, WriteContext } from '../kind.ts';
import type { KubeObject, Meta } from '../object.ts';

/** A write of the main resource keeps the status; one of the status keeps all else, and of the metadata what is said. */
const halvesWith =
  (metadataOf: (next: Meta, previous: Meta) => Meta) =>
  <T extends KubeObject>(next: T, previous: T, { subresource }: WriteContext): T => {
    if (subresource !== 'status') return withStatusOf(next, previous);
    return withStatusOf({ ...previous, metadata: metadataOf(next.metadata, previous.metadata) }, next);
  };
export const keptHalves = halvesWith((next) => next);

/** Both halves, and what a write of the status does besides. */
export const keepsHalves =
  <T extends KubeObject>(mended: (object: T, previous: T) => T) =>
  (next: T, previous: T, context: WriteContext): T => {
    const kept = keptHalves(next, previous, context);
    return context.subresource === 'status' ? mended(kept, previous) : kept;
  };

function withStatusOf<T extends KubeObject>(object: T, { status }: KubeObject): T {
  const { status: _other, ...rest } = object;
  return (status === undefined ? rest : { ...rest, status }) as T;
}

/** Writers of the status may not change the labels. */
const keepsLabels = halvesWith(({ labels: _asked, ...next }, { labels }) =>
  labels === undefined ? next : { ...next, labels },
);

/** Writers of the status change nothing of the metadata, besides who owns what. */
const keepsMetadata = halvesWith(({ managedFields }, { managedFields: _old, ...previous }) =>
  managedFields === undefined ? previous : { ...previous, managedFields },
);

type Halves = Required<Pick<KindRules, 'prepareUpdate' | 'resets'>>;
export const statusKeepsLabels = {
  prepareUpdate: keepsLabels,
  resets: { status: [['metadata', 'labels']] },
} satisfies Halves;
export const statusKeepsMetadata = {
  prepareUpdate: keepsMetadata,
  resets: { status: [['metadata']] },
} satisfies Halves;
