/** What a registry takes for the name of an image, its tag and its digest. */
const registryPart = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const registry = String.raw`(?:${registryPart}(?:\.${registryPart})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?`;
const pathPart = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const digestPart = '[A-Za-z][A-Za-z0-9]*';
const digest = `${digestPart}(?:[-_+.]${digestPart})*:[0-9a-fA-F]{32,}`;
const reference = new RegExp(
  String.raw`^(?:${registry}/)(${pathPart}(?:/${pathPart})*)(?::(\w[\w.-]{0,127}))?(?:@(${digest}))?$`,
);
const identifier = /^[a-f0-9]{64}$/;

const pathLengthMax = 255;
/** Longer than anything that has a tag. */
const lengthMax = 4_096;
const hub = 'docker.io';

/** The tag that an image is pulled by, `latest` where none is said; nothing by a digest, or where it is no image. */
export function tagOf(image: string): string | undefined {
  if (image.length > lengthMax || identifier.test(image)) return undefined;
  const [, path = '', tag, hash] = reference.exec(withRegistry(image)) ?? [];
  if (path === '' || path.length > pathLengthMax) return undefined;
  return tag ?? (hash === undefined ? 'latest' : undefined);
}

function withRegistry(image: string): string {
  const slash = image.indexOf('/');
  const first = image.slice(0, Math.max(0, slash));
  if (slash < 0) return `${hub}/library/${image}`;
  const isRegistry = /[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first;
  return isRegistry ? image : `${hub}/${image}`;
}
