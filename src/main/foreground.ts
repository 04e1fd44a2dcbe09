import type { ControlPlane } from './control-plane.ts';
import { keepHeapSmall, tidyHeapAtRest, youngBytesMax } from './heap.ts';

/** The one line on standard output: who started us may parse it. */
export function readyLine(plane: Pick<ControlPlane, 'url' | 'kubeconfig'>): string {
  const { url, kubeconfig } = plane;
  return `${JSON.stringify({ ready: true, server: url, kubeconfig, pid: process.pid })}\n`;
}

export function untilSignal(role: keyof typeof youngBytesMax = 'others'): Promise<void> {
  tidyHeapAtRest();
  keepHeapSmall(youngBytesMax[role]);
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
}
