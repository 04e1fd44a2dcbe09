export interface Reference {
  readonly registry: string;
  /** With the registry where one is named, without tag and digest. */
  readonly name: string;
  /** A tag, or a digest, which wins. */
  readonly version: string;
}

const registryPattern = /^(localhost|\[[0-9a-fA-F:]+\]|[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*)(:\d+)?$/;
const pathPattern = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^[a-z0-9]+([+._-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/;
const hub = 'docker.io';

/** `[registry/]path[:tag][@digest]`. Throws where it is none. */
export function parseReference(text: string): Reference {
  const [before = '', digest] = text.split('@', 2);
  if (digest !== undefined && !digestPattern.test(digest)) throw new Error(`${digest} is no digest`);
  const colon = before.lastIndexOf(':');
  const tagged = colon > before.lastIndexOf('/');
  const name = tagged ? before.slice(0, colon) : before;
  const tag = tagged ? before.slice(colon + 1) : 'latest';
  if (!tagPattern.test(tag)) throw new Error(`${tag} is no tag`);
  const [first = '', ...rest] = name.split('/');
  const named = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const path = named ? rest.join('/') : name;
  if (!pathPattern.test(path) || (named && !registryPattern.test(first))) throw new Error(`${name} is no image`);
  return { registry: named ? first : hub, name, version: digest ?? tag };
}
