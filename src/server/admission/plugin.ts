import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Caller } from '../../api/wire.ts';
import type { ResourceRoute } from '../route.ts';

/** One write on its way in: what an admission plugin may look at. */
export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly kind: Kind;
  /** The version that the client speaks, where `kind` is another one that a rule asks for. */
  readonly asked?: Kind;
  readonly route: ResourceRoute;
  readonly caller: Caller;
  readonly previous?: KubeObject;
  readonly dryRun: boolean;
  /** What the name was made of, as long as the object may change: refusals name what was asked for. */
  readonly generateName?: string;
  /** Tells the client something in a Warning header, whatever becomes of the request. */
  readonly warn?: (text: string) => void;
  /** Writes something down beside the request in the audit log, where there is one. */
  readonly annotate?: Annotate;
}
/** What was noted first under a key stays. */
export type Annotate = (key: string, value: string) => void;

/** One plugin, one file. Mutating ones answer the object to go on with; refusing is throwing an ApiError. */
export interface AdmissionPlugin {
  readonly name: string;
  /** What it has something to say about in writes; everything where it does not say. */
  readonly kinds?: readonly { readonly group: string; readonly plural: string }[];
  mutate?(object: KubeObject, request: AdmissionRequest): Promise<KubeObject> | KubeObject;
  validate?(object: KubeObject | undefined, request: AdmissionRequest): Promise<void> | void;
}
