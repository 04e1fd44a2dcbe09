import type { KubeObject } from '../object.ts';
import { type Amounts, larger, sum, whole } from './amounts.ts';
import type { Evaluator } from './evaluator.ts';

const count = 'count/resourceclaims.resource.k8s.io';
const classSuffix = '.deviceclass.resource.k8s.io/devices';
/** Who asks for all devices may get as many as a claim can hold. */
const devicesMax = 32;

interface DeviceRequest {
  readonly deviceClassName?: string;
  readonly allocationMode?: string;
  readonly count?: number;
}
interface Spec {
  readonly devices?: {
    readonly requests?: readonly {
      readonly exactly?: DeviceRequest;
      readonly firstAvailable?: readonly DeviceRequest[];
    }[];
  };
}

/** Claims for devices, and how many of each class they could get at most. */
export const deviceClaimEvaluator: Evaluator = {
  handles: ({ operation, route }) => operation === 'CREATE' && route.subresource === '',
  limits: (name) => name === count || name.endsWith(classSuffix),
  inScope: () => false,
  usage: (claim) => usageOf(claim),
};

function usageOf({ spec }: KubeObject): Amounts {
  const requests = (spec as Spec | undefined)?.devices?.requests ?? [];
  const own: Amounts = new Map([[count, whole(1)]]);
  return requests.reduce((all, { exactly, firstAvailable = [] }) => {
    const one = exactly ? devices(exactly) : firstAvailable.map(devices).reduce(larger, new Map());
    return sum(all, one);
  }, own);
}

const devices = ({ deviceClassName, allocationMode, count: asked = 1 }: DeviceRequest): Amounts =>
  new Map([[(deviceClassName ?? '') + classSuffix, whole(allocationMode === 'All' ? devicesMax : asked)]]);
