import { ApiError } from '../../api/error.ts';
import type { Attributes, Authorizer, Decision } from '../attributes.ts';

/** Asks the authorizers one after another; the first with an opinion decides, and silence means no. */
export class Authorization {
  #authorizers: readonly Authorizer[];

  constructor(authorizers: readonly Authorizer[]) {
    this.#authorizers = authorizers;
  }

  /** From now on; what is being decided is decided by those who were asked first. */
  replace(authorizers: readonly Authorizer[]): void {
    this.#authorizers = authorizers;
  }

  /** At once where every authorizer answers at once, which is the usual case. */
  decide(attributes: Attributes): Decision | Promise<Decision> {
    return this.#from(0, attributes, { authorizers: this.#authorizers, reasons: [], errors: [] });
  }

  async allows(attributes: Attributes): Promise<boolean> {
    return (await this.decide(attributes)).verdict === 'allow';
  }

  /** Throws the 403 that upstream answers. */
  require(attributes: Attributes): Promise<void> | undefined {
    const decision = this.decide(attributes);
    if (decision instanceof Promise) return decision.then((done) => refuseUnless(done, attributes));
    refuseUnless(decision, attributes);
    return undefined;
  }

  #from(start: number, attributes: Attributes, said: Said): Decision | Promise<Decision> {
    const { authorizers } = said;
    for (let index = start; index < authorizers.length; index++) {
      const decision = (authorizers[index] as Authorizer).authorize(attributes);
      if (decision instanceof Promise) {
        return decision.then((done) => this.#judged(done, said) ?? this.#from(index + 1, attributes, said));
      }
      const final = this.#judged(decision, said);
      if (final) return final;
    }
    return silence(said);
  }

  #judged(decision: Decision, said: Said): Decision | undefined {
    if (decision.verdict !== 'none') return decision;
    if (decision.reason) said.reasons.push(decision.reason);
    if (decision.error) said.errors.push(decision.error);
    return undefined;
  }
}

interface Said {
  readonly authorizers: readonly Authorizer[];
  readonly reasons: string[];
  readonly errors: string[];
}

function silence({ reasons, errors }: Said): Decision {
  return {
    verdict: 'none',
    ...(reasons.length > 0 ? { reason: reasons.join('\n') } : {}),
    ...(errors.length > 0 ? { error: errorList(errors) } : {}),
  };
}

/** One error is itself; several stand in brackets, equal ones once. */
export function errorList(errors: readonly string[]): string {
  const distinct = [...new Set(errors)];
  return distinct.length === 1 ? (distinct[0] as string) : `[${distinct.join(', ')}]`;
}

function refuseUnless(decision: Decision, attributes: Attributes): void {
  if (decision.verdict === 'allow') return;
  // Somebody who should have been asked could not be: that is no answer about who may do what.
  if (decision.error) throw new ApiError('InternalError', `Internal Server Error: ${decision.error}`);
  throw refusal(attributes, decision.reason);
}

export function refusal(attributes: Attributes, reason = ''): ApiError {
  const text = reason ? `${cannotText(attributes)}: ${reason}` : cannotText(attributes);
  if ('path' in attributes) return new ApiError('Forbidden', `forbidden: ${text}`, {});
  const { resource, group, name } = attributes;
  return forbidden({ resource, group, name }, text);
}

function cannotText(attributes: Attributes): string {
  const { caller, verb } = attributes;
  const user = `User ${JSON.stringify(caller.name)}`;
  if ('path' in attributes) return `${user} cannot ${verb} path ${JSON.stringify(attributes.path)}`;
  const { resource, subresource, group, namespace } = attributes;
  const what = JSON.stringify(subresource ? `${resource}/${subresource}` : resource);
  const where = namespace ? `in the namespace ${JSON.stringify(namespace)}` : 'at the cluster scope';
  return `${user} cannot ${verb} resource ${what} in API group ${JSON.stringify(group)} ${where}`;
}

/** 403 about one object or, without a name, about a resource. */
export function forbidden(
  about: { readonly resource: string; readonly group: string; readonly name: string },
  text: string,
): ApiError {
  const { resource, group, name } = about;
  const subject = group ? `${resource}.${group}` : resource;
  return new ApiError('Forbidden', `${subject}${name ? ` ${JSON.stringify(name)}` : ''} is forbidden: ${text}`, {
    ...(name ? { name } : {}),
    ...(group ? { group } : {}),
    kind: resource,
  });
}
