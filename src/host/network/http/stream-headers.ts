import { HeaderList } from './header-list.ts';

const token = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

/** The fields of HTTP/2, name after value, without those that begin with a colon. */
export function headersOfFields(raw: readonly string[]): HeaderList {
  const headers = new HeaderList();
  const cookies: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string;
    const value = raw[index + 1] as string;
    if (name.startsWith(':')) continue;
    // What HTTP/2 may carry and HTTP/1 would read as the end of a line.
    if (!token.test(name) || /[\r\n\0]/.test(value)) continue;
    if (name === 'cookie') cookies.push(value);
    else headers.push(name, `${name}: ${value}`);
  }
  if (cookies.length > 0) headers.add('cookie', cookies.join('; '));
  return headers;
}
