import type { Hint } from '../base/hints.ts';
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

/** A runtime hints at others too, at what it keeps for itself as well. */
export async function untilHinted(hints: AsyncIterator<Hint>, id: string): Promise<void> {
  for (let told = await hints.next(); told.value?.id !== id; told = await hints.next())
    if (told.done) throw new Error(`hints ended before there was one of ${id}`);
}
