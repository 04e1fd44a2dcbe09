import type { Millis } from '../base/env.ts';
import type { Node } from './kinds/node.ts';
import type { Labels } from './object.ts';

/** What the server answers about the link of a node: GET /mini-k8s/nodes/NAME/link. */
export interface NodeLink {
  /** Since this server has started. */
  readonly heard: boolean;
  /** How long ago, or for how long there has been nobody to hear it: not since the server has started. */
  readonly ageMs: Millis;
  /** After so long a silence its agent has ended the pods of which there must never be two, by its own word. */
  readonly fencedAfterMs?: Millis;
}

/** Where a node says the same for servers to come. */
export const fencedAfterNote = 'mini-k8s.dev/fenced-after-ms';

/** With the engine that it holds for: whoever takes the node over and says nothing, has promised nothing. */
export const fencingPromise = (fencedAfterMs: Millis, runtimeVersion: string): Labels => ({
  [fencedAfterNote]: `${fencedAfterMs} ${runtimeVersion}`,
});

/** After how long a silence its pods have ended, as the node itself says; nothing where it promises nothing. */
export function promisedFence({ metadata, status }: Node): Millis | undefined {
  const [text = '', runtimeVersion] = (metadata.annotations?.[fencedAfterNote] ?? '').split(' ');
  const isOfThis = runtimeVersion !== undefined && runtimeVersion === status?.nodeInfo?.['containerRuntimeVersion'];
  return isOfThis && /^[1-9]\d*$/.test(text) ? Number(text) : undefined;
}
