import type { Millis } from '../base/env.ts';
import { seeded } from '../base/random.ts';
import type { Drain } from './clock.ts';
import { SimCluster, type SimOptions } from './cluster.ts';
import { checkConverged, checkQuiet } from './converged.ts';
import { Faults } from './faults.ts';
import { Workload } from './workload.ts';

export interface ChaosOptions {
  readonly seed: string;
  readonly drain: Drain;
  readonly nodes: number;
  readonly deployments: number;
  readonly minutes: number;
  readonly encoded?: boolean;
  readonly parts?: SimOptions['parts'];
  readonly tell?: (line: string) => void;
}
export interface ChaosResult {
  readonly fingerprint: string;
  readonly commits: number;
  readonly events: number;
  readonly virtualMs: Millis;
}

const minuteMs: Millis = 60_000;
/** How long the cluster may take to find its way once nothing goes wrong any more. */
const convergesWithinMs: Millis = 8 * minuteMs;
const quietMs: Millis = 2 * minuteMs;
/** A poor disk: what is on its way to it is lost with its machine. */
const syncMaxMs: Millis = 10;

/** A fault and a few wishes of users each minute on a lossy network; then peace, in which all must come right. */
export async function chaos(options: ChaosOptions): Promise<ChaosResult> {
  const { seed, drain, nodes, tell = () => {} } = options;
  const cluster = new SimCluster({
    seed,
    drain,
    nodes,
    net: { delayMinMs: 1, delayMaxMs: 20, lossRatio: 0.001, cutRatio: 0.001, encoded: options.encoded ?? false },
    ...(options.parts ? { parts: options.parts } : {}),
  });
  const random = seeded(`${seed}/chaos`);
  const faults = new Faults(cluster, random.fork('faults'), nodes);
  const workload = new Workload(cluster, random.fork('workload'), options.deployments);
  const say = (what: string) => tell(`${(cluster.clock.monotonic() / 1000).toFixed(0)} s: ${what}`);
  await cluster.start();
  await cluster.run(10_000);
  await workload.begin();
  cluster.store.syncMaxMs = syncMaxMs;
  for (let minute = 0; minute < options.minutes; minute++) {
    say(await faults.step());
    for (const pause of [5_000, 15_000, 40_000]) {
      await cluster.run(pause);
      if (cluster.net.server) say(await cluster.until(workload.step()));
    }
  }
  faults.stop();
  cluster.net.options = { ...cluster.net.options, lossRatio: 0, cutRatio: 0 };
  await cluster.run(convergesWithinMs);
  await checkConverged(cluster);
  await checkQuiet(cluster, quietMs);
  const { fingerprint, commits, clock } = cluster;
  return { fingerprint, commits, events: clock.fired, virtualMs: clock.monotonic() };
}
