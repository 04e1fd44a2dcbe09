import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ControlPlane } from './control-plane.ts';

/** Late enough that whoever waited for the ready line has done what it waited for. */
const tidyHeapAfterMs = 2_000;
/** It stops everything for a tenth of a second: only who does nothing else can afford that. */
const atRest = 0.02;

/** The one line on standard output: who started us may parse it. */
export function readyLine(plane: Pick<ControlPlane, 'url' | 'kubeconfig'>): string {
  const { url, kubeconfig } = plane;
  return `${JSON.stringify({ ready: true, server: url, kubeconfig, pid: process.pid })}\n`;
}

export function untilSignal(): Promise<void> {
  tidyHeapAtRest();
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
}

function tidyHeapAtRest(): void {
  const { eventLoopUtilization } = performance;
  let before = eventLoopUtilization();
  const timer = setInterval(() => {
    const now = eventLoopUtilization();
    if (eventLoopUtilization(now, before).utilization < atRest) {
      clearInterval(timer);
      tidyHeap();
    }
    before = now;
  }, tidyHeapAfterMs);
  timer.unref();
}

/**
 * Start-up leaves a heap twice as large as what is in it, and an idle process would keep it: about 9 MB. The code that
 * only a start needs goes too.
 */
function tidyHeap(): void {
  setFlagsFromString('--expose-gc');
  setFlagsFromString('--bytecode-old-age=1');
  // The gentler flavours give no pages back.
  runInNewContext('gc')({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  setFlagsFromString('--bytecode-old-age=6');
  setFlagsFromString('--no-expose-gc');
}
