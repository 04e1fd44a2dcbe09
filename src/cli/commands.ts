import type { CommandEntry } from './run.ts';

/** The commands that speak to a cluster. Those that make one are main's own. */
export const clusterCommands: readonly CommandEntry[] = [
  {
    name: 'status',
    summary: 'What should be, what is, and why they differ',
    load: async () => (await import('./status.ts')).status,
  },
  {
    name: 'apply',
    summary: 'Create or change objects so that they are as files say',
    load: async () => (await import('./apply.ts')).apply,
  },
  { name: 'get', summary: 'Show objects', load: async () => (await import('./get.ts')).get },
  {
    name: 'explain',
    summary: 'Say what a kind of object is made of',
    load: async () => (await import('./explain.ts')).explain,
  },
  { name: 'logs', summary: 'Show what containers wrote', load: async () => (await import('./logs.ts')).logs },
  { name: 'scale', summary: 'Change how many replicas run', load: async () => (await import('./scale.ts')).scale },
  {
    name: 'port-forward',
    summary: 'Reach ports of pods or Services from this machine, also after the pods were replaced',
    load: async () => (await import('./port-forward.ts')).portForward,
  },
  {
    name: 'tunnel',
    summary: 'Keep all LoadBalancer Services reachable from this machine',
    load: async () => (await import('./tunnel.ts')).tunnel,
  },
  {
    name: 'open',
    summary: 'Show a Service in the browser',
    load: async () => (await import('./open.ts')).open,
  },
  { name: 'delete', summary: 'Delete objects', load: async () => (await import('./delete.ts')).remove },
  {
    name: 'version',
    summary: 'Versions of this package and of the server',
    load: async () => (await import('./version.ts')).version,
  },
];
