import type { SandboxSpec } from './runtime.ts';

export const servedPort = 8080;

/** A pod of the default namespace that has a port and nothing else. */
export const sandboxOf = (id: string, more: Partial<SandboxSpec> = {}): SandboxSpec => ({
  id,
  namespace: 'default',
  name: id,
  uid: id,
  hostname: id,
  hostNetwork: false,
  dns: { servers: [], searches: [], options: [] },
  ports: [{ container: servedPort, protocol: 'TCP' }],
  sysctls: {},
  ...more,
});
