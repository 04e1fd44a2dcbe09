import { humanDuration } from '../../base/text.ts';
import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { type Part, partOf, partsOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';

export interface CertificateSigningRequest extends KubeObject<Part, Part> {}

export const certificateSigningRequests: Kind<CertificateSigningRequest> = defineKind<CertificateSigningRequest>(
  'certificates.k8s.io/v1',
  'CertificateSigningRequest',
  {
    hasGeneration: false,
    columns: columnsOf('Name', 'Age', 'SignerName', 'Requestor', 'RequestedDuration', 'Condition'),
    cells: (request, now) => {
      const spec = partOf(request.spec);
      const status = partOf(request.status);
      const types = partsOf(status.conditions).map(({ type }) => textOf(type));
      const first = ['Denied', 'Approved'].find((type) => types.includes(type)) ?? 'Pending';
      const words = [first, ...(types.includes('Failed') ? ['Failed'] : []), ...(status.certificate ? ['Issued'] : [])];
      return [
        request.metadata.name,
        ageCell(request, now),
        textOf(spec.signerName) || '<none>',
        textOf(spec.username),
        spec.expirationSeconds === undefined ? '<none>' : humanDuration(Number(spec.expirationSeconds) * 1000),
        words.join(','),
      ];
    },
    fields: (request) => ({ 'spec.signerName': textOf(partOf(request.spec).signerName) }),
  },
);
