import { humanDuration, timestamp } from '../../base/text.ts';
import type { Kind, WriteContext } from '../kind.ts';
import { pathSegment } from '../names.ts';
import type { KubeObject } from '../object.ts';
import { certificateRules } from './certificate-rules.ts';
import { ageCell, columnsOf } from './columns.ts';
import { changedItems, filled, type Part, partOf, partsOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';

export interface CertificateSigningRequest extends KubeObject<Part, Part> {}

export const certificateSigningRequests: Kind<CertificateSigningRequest> = defineKind<CertificateSigningRequest>(
  'certificates.k8s.io/v1',
  'CertificateSigningRequest',
  {
    hasGeneration: false,
    resets: { '': [['spec']], status: [['status', 'conditions']], approval: [['spec'], ['status', 'certificate']] },
    // The name says nothing, so that any will do that fits into a path.
    validateName: pathSegment,
    validate: certificateRules,
    prepareCreate: (request, context) => ({ ...request, spec: askedBy(partOf(request.spec), context), status: {} }),
    prepareUpdate: (next, previous, context) => {
      const status =
        context.subresource === '' ? previous.status : dated(asked(next, previous, context), previous, context);
      return { ...next, spec: previous.spec as Part, status: status as Part };
    },
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

/** Who asks is what the server knows about the caller, not what the request says. */
function askedBy(given: Part, { caller }: WriteContext): Part {
  const { username: _name, uid: _uid, groups: _groups, extra: _extra, ...spec } = given;
  if (!caller) return spec;
  return {
    ...spec,
    username: caller.name,
    ...(caller.uid ? { uid: caller.uid } : {}),
    ...(caller.groups.length > 0 ? { groups: caller.groups } : {}),
    ...(Object.keys(caller.extra).length > 0 ? { extra: caller.extra } : {}),
  };
}

/** Who approves changes conditions and nothing else; who signs leaves the decisions as they were made. */
function asked(next: KubeObject, previous: KubeObject, { subresource }: WriteContext): Part {
  const status = partOf(next.status);
  const before = partOf(previous.status);
  if (subresource === 'approval') {
    const { conditions: _old, ...rest } = before;
    return status.conditions === undefined ? rest : { ...rest, conditions: status.conditions };
  }
  return decisions.reduce((kept, type) => withOwn(kept, before, type), status);
}

/** The conditions of a type as they were, unless some came or went: that is judged later. */
function withOwn(status: Part, before: Part, type: string): Part {
  const old = partsOf(before.conditions).filter((condition) => condition.type === type);
  const own = partsOf(status.conditions).filter((condition) => condition.type === type);
  if (old.length === 0 || own.length !== old.length) return status;
  let index = 0;
  const conditions = partsOf(status.conditions).map((condition) =>
    condition.type === type ? (old[index++] as Part) : condition,
  );
  return { ...status, conditions };
}
const decisions = ['Approved', 'Denied'];

/** Conditions say when they were written, and since when they hold. */
function dated(status: Part, previous: KubeObject, { now }: WriteContext): Part {
  const before = partsOf(partOf(previous.status).conditions);
  const time = timestamp(now);
  return changedItems(status, 'conditions', (condition) => {
    const old = before.find(({ type, status: word }) => type === condition.type && word === condition.status);
    const since = old?.lastTransitionTime ?? time;
    return filled(withoutNull(condition), { lastUpdateTime: time, lastTransitionTime: since });
  });
}
const withoutNull = (condition: Part): Part =>
  Object.fromEntries(Object.entries(condition).filter(([, value]) => value !== null));
