import type { Container } from '../api/kinds/pod.ts';
import { quantityBytes, quantityMillis } from '../api/quantity.ts';
import type { Applied, Resources } from './runtime.ts';

const sharesPerCpu = 1_024;
const sharesMin = 2;
const sharesMax = 262_144;
/** A quota is of this long. */
export const periodMicros = 100_000;
const quotaMinMicros = 1_000;
const memoryMinBytes = 6 * 1024 * 1024;

/** What a container is to get, in numbers. */
export function containerResources({ resources }: Pick<Container, 'resources'>): Resources {
  const cpu = resources?.limits?.['cpu'];
  const request = resources?.requests?.['cpu'];
  const memory = resources?.limits?.['memory'];
  return {
    ...(cpu ? { cpuMillis: quantityMillis(cpu) } : {}),
    ...(request ? { cpuRequestMillis: quantityMillis(request) } : {}),
    ...(memory ? { memoryBytes: quantityBytes(memory) } : {}),
  };
}

/** A request as kernels weigh it. */
const cpuShares = (millis: number): number =>
  Math.min(sharesMax, Math.max(sharesMin, Math.floor((millis * sharesPerCpu) / 1000)));

/** What a kernel is told of it. An engine refuses less than these; upstream's runtimes do as well. */
export function appliedResources({ cpuMillis, cpuRequestMillis, memoryBytes }: Resources): Applied {
  return {
    cpuShares: cpuShares(cpuRequestMillis ?? cpuMillis ?? 0),
    ...(cpuMillis ? { cpuQuotaMicros: Math.max(quotaMinMicros, Math.floor((cpuMillis * periodMicros) / 1000)) } : {}),
    ...(memoryBytes ? { memoryBytes: Math.max(memoryBytes, memoryMinBytes) } : {}),
  };
}
