export interface Place {
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly node?: string | undefined;
}

/** What a line of the log is found by: the pod and the node that it is about, or any other object. */
export function logFields({ kind, namespace, name = '', node }: Place): object {
  if (kind === 'Node') return { node: name };
  const object = namespace ? `${namespace}/${name}` : name;
  return { ...(kind === 'Pod' ? { pod: object } : { kind, object }), ...(node ? { node } : {}) };
}
