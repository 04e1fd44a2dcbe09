import type { Kind } from '../api/kind.ts';

interface Deprecation {
  /** As the Warning header says it. */
  readonly sentence: string;
  /** Nothing while no release is named that takes it away. */
  readonly removedRelease: string;
}

/** By plural: all are in v1. */
const deprecations: Readonly<Record<string, Deprecation>> = {
  componentstatuses: { sentence: 'v1 ComponentStatus is deprecated in v1.19+', removedRelease: '' },
  endpoints: {
    sentence: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
    removedRelease: '',
  },
};

/** What whoever uses this kind, in whatever way, is warned of. */
export const deprecationOf = ({ group, version, plural }: Kind): Deprecation | undefined =>
  group === '' && version === 'v1' ? deprecations[plural] : undefined;
