import { type FieldError, forbidden, invalidObject, notSupported } from '../api/field-error.ts';
import { type ApiRequest, queryValue } from '../api/wire.ts';

const match = 'resourceVersionMatch';

/** Whether a query key says yes: anything but 0 and false does, as upstream reads it. */
export function flagged(query: ApiRequest['query'], key: string): boolean {
  const value = queryValue(query, key);
  return value !== undefined && value !== '0' && value.toLowerCase() !== 'false';
}

/** Refuses the combinations of list and watch options that upstream refuses. */
export function checkListOptions(query: ApiRequest['query'], watch: boolean): void {
  const errors = watch ? watchErrors(query) : listErrors(query);
  if (errors.length > 0) throw invalidObject({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
}

function listErrors(query: ApiRequest['query']): readonly FieldError[] {
  const errors: FieldError[] = [];
  const asked = queryValue(query, match) ?? '';
  const revision = queryValue(query, 'resourceVersion') ?? '';
  if (asked !== '') {
    if (revision === '') errors.push(forbidden(match, `${match} is forbidden unless resourceVersion is provided`));
    if (queryValue(query, 'continue')) errors.push(forbidden(match, `${match} is forbidden when continue is provided`));
    if (asked !== 'Exact' && asked !== 'NotOlderThan') {
      errors.push(notSupported(match, asked, ['Exact', 'NotOlderThan', '']));
    }
    if (asked === 'Exact' && revision === '0') {
      errors.push(forbidden(match, `${match} "exact" is forbidden for resourceVersion "0"`));
    }
  }
  if (queryValue(query, 'sendInitialEvents') !== undefined) {
    errors.push(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  }
  return errors;
}

function watchErrors(query: ApiRequest['query']): readonly FieldError[] {
  const errors: FieldError[] = [];
  const asked = queryValue(query, match) ?? '';
  const sendInitial = queryValue(query, 'sendInitialEvents');
  if (sendInitial !== undefined && asked !== 'NotOlderThan') {
    errors.push(forbidden(match, `sendInitialEvents requires setting ${match} to NotOlderThan`));
  }
  if (asked !== '' && sendInitial === undefined) {
    errors.push(forbidden(match, `${match} is forbidden for watch unless sendInitialEvents is provided`));
  }
  if (asked !== '' && asked !== 'NotOlderThan') errors.push(notSupported(match, asked, ['NotOlderThan']));
  if (queryValue(query, 'continue')) errors.push(forbidden(match, `${match} is forbidden when continue is provided`));
  return errors;
}
