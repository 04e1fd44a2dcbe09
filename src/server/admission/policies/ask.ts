import type { Ask } from '../../../api/cel/library/authorization.ts';
import type { Caller } from '../../../api/wire.ts';
import type { Authorization } from '../../auth/authorization.ts';

/** How an expression asks what the caller, or a service account that it names, may do. */
export function askOf(authorization: Authorization, caller: Caller): Ask {
  return ({ user, verb, path, group = '', resource = '', subresource = '', namespace = '', name = '' }) => {
    const who = user === undefined ? caller : serviceAccount(user);
    const attributes =
      path === undefined
        ? { caller: who, verb, group, version: '*', resource, subresource, namespace, name }
        : { caller: who, verb, path };
    const decision = authorization.decide(attributes);
    // An expression cannot wait: whoever has to be asked over a network says no here.
    if (decision instanceof Promise) return { allowed: false, reason: 'the authorizer could not answer at once' };
    return { allowed: decision.verdict === 'allow', reason: decision.reason ?? '' };
  };
}

function serviceAccount(name: string): Caller {
  const [, , namespace = ''] = name.split(':');
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
  return { name, groups, extra: {} };
}
