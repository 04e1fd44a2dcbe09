import { services } from '../../api/kinds/service.ts';
import type { KubeObject } from '../../api/object.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { isAbout, refusal } from './refusal.ts';

/** Nobody draws traffic for foreign addresses to himself. Off unless somebody wants it. */
export class DenyServiceExternalIps implements AdmissionPlugin {
  readonly name = 'DenyServiceExternalIPs';

  validate(object: KubeObject | undefined, request: AdmissionRequest): void {
    const { operation, previous } = request;
    if (!object || !isAbout(request, services) || (operation !== 'CREATE' && operation !== 'UPDATE')) return;
    const known = addressesOf(previous);
    if (addressesOf(object).every((address) => known.includes(address))) return;
    throw refusal(request, 'Use of external IPs is denied by admission control.');
  }
}

const addressesOf = (service: KubeObject | undefined): readonly string[] =>
  (service?.spec as { readonly externalIPs?: readonly string[] } | undefined)?.externalIPs ?? [];
