import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Late enough that whoever waited for the ready line has done what it waited for. */
const tidyHeapAfterMs = 2_000;
/** It stops everything for a tenth of a second: only who does nothing else can afford that. */
const atRest = 0.02;
/**
 * Of what is new and mostly garbage. Node would let it grow further, and three times that would stay taken. A server
 * alone keeps what it makes only for as long as a request; whoever also decides about thousands of pods keeps more.
 */
export const youngBytesMax = { server: 8 * 1024 * 1024, others: 32 * 1024 * 1024 } as const;
/** How much garbage old space may gather, beside what is in use, before it is looked through. */
const growingPercent = 60;

/**
 * Memory that a server of Node's own habits would take and seldom give back: with 10,000 pods it is a quarter less this
 * way. The flags are read at each collection, so that they count although the process runs already.
 */
export function keepHeapSmall(youngMax: number): void {
  setFlagsFromString(`--heap-growing-percent=${growingPercent}`);
  // Compilations that are done would wait for a thread to throw them away: 30 MB of them, and that much stays taken.
  setFlagsFromString('--no-maglev-destroy-on-background');
  let isLimited = false;
  const look = () => {
    // It grows twofold, from sizes that are no powers of two.
    const isLarge = youngBytes() * 2 > youngMax;
    if (isLarge === isLimited) return;
    isLimited = isLarge;
    setFlagsFromString(`--semi-space-growth-factor=${isLarge ? 1 : 2}`);
  };
  // The next collection may be the one that makes it too large already.
  look();
  new PerformanceObserver(look).observe({ entryTypes: ['gc'] });
}

function youngBytes(): number {
  const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
  // Both halves of it, whatever is in them: what is available is less right after a collection, and then it would grow.
  return young ? young.space_size / 2 : 0;
}

export function tidyHeapAtRest(): void {
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
