import type { ApiRequest } from '../api/wire.ts';

type Headers = ApiRequest['headers'];

/** What is read in headers that a connection repeats, and that are frozen to say so, is read once. */
export function oncePerHeaders<T>(read: (headers: Headers) => T): (headers: Headers) => T {
  const known = new WeakMap<Headers, { readonly value: T }>();
  return (headers) => {
    // Looked for first: whether something is frozen takes longer to find out.
    const found = known.get(headers);
    if (found) return found.value;
    const value = read(headers);
    if (Object.isFrozen(headers)) known.set(headers, { value });
    return value;
  };
}
