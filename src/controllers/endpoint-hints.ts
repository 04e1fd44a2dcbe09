import type { Endpoint } from '../api/kinds/endpoint-slice.ts';
import type { Service } from '../api/kinds/service.ts';

/** Who should rather use an endpoint, where the Service asks for traffic to stay near. Only ready ones are hinted at. */
export function withHints({ spec }: Service, endpoint: Endpoint): Endpoint {
  const { zone, nodeName, conditions } = endpoint;
  const wanted = spec.trafficDistribution;
  if (wanted === undefined || conditions?.ready !== true) return endpoint;
  const forZones = zone ? { forZones: [{ name: zone }] } : {};
  const forNodes = wanted === 'PreferSameNode' && nodeName ? { forNodes: [{ name: nodeName }] } : {};
  const hints = { ...forZones, ...forNodes };
  return Object.keys(hints).length > 0 ? { ...endpoint, hints } : endpoint;
}
