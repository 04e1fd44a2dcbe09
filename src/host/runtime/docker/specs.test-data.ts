import type { ContainerSpec, SandboxSpec } from '../../../agent/runtime.ts';
import { busybox } from './busybox.test-data.ts';

/** A pod of the default namespace that has a port and nothing else. */
export const sandboxOf = (id: string, more: Partial<SandboxSpec> = {}): SandboxSpec => ({
  id,
  namespace: 'default',
  name: id,
  uid: id,
  hostname: id,
  hostNetwork: false,
  dns: { servers: [], searches: [], options: [] },
  ports: [{ container: 8080, protocol: 'TCP' }],
  sysctls: {},
  ...more,
});

/** Its container, which runs this script. */
export const containerOf = (sandbox: string, script: string, more: Partial<ContainerSpec> = {}): ContainerSpec => ({
  id: `${sandbox}_main_0`,
  sandbox,
  name: 'main',
  attempt: 0,
  image: busybox,
  command: ['sh', '-c', script],
  args: [],
  env: [],
  mounts: [],
  resources: {},
  security: {},
  tty: false,
  stdin: false,
  ...more,
});
