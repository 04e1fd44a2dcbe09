import type { ContainerSpec } from '../../../agent/runtime.ts';
import { busybox } from './busybox.test-data.ts';

/** The container of a pod, which runs this script. */
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
