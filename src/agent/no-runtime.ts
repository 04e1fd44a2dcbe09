import type { Runtime } from './runtime.ts';

/** Stands in for a runtime that a pod asks for and this node does not have: nothing runs, and it is said why. */
export function noRuntime(name: string, why: string): Runtime {
  const refuse = () => Promise.reject(new Error(why));
  const nothing = async function* () {};
  return {
    name,
    openSandbox: refuse,
    closeSandbox: async () => {},
    create: refuse,
    start: refuse,
    stop: async () => {},
    remove: async () => {},
    update: refuse,
    list: async () => ({ sandboxes: [], containers: [] }),
    events: nothing,
    logs: nothing,
    exec: nothing,
    connect: refuse,
    usage: async () => [],
    images: { ensure: refuse, list: async () => [], remove: async () => {} },
  };
}
