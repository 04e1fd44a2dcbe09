import { HeaderList } from './header-list.ts';
import { limits } from './limits.ts';

/** A message that is not what HTTP/1 allows. Whoever sent it is told, and the connection ends: its end is unknown. */
export class BadMessage extends Error {
  override readonly name = 'BadMessage';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** How the end of a body is found: after so many bytes, by its chunks, or with the connection. */
export type Framing = number | 'chunked' | 'close';

export interface RequestHead {
  readonly method: string;
  /** As it came. */
  readonly target: string;
  readonly minor: number;
  readonly headers: HeaderList;
  readonly framing: number | 'chunked';
  /** What the client says of its connection: lower case. */
  readonly connection: string;
}
export interface ResponseHead {
  readonly status: number;
  readonly headers: HeaderList;
  readonly framing: Framing;
  readonly keepAlive: boolean;
}

// Anything but visible letters, blanks and whole line ends; and lines that go on in the next one.
const forbidden = /[^\t\r\n\x20-\x7e\x80-\xff]|\r(?!\n)|(?<!\r)\n|\n[ \t]/;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const requestLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) (\S+) HTTP\/1\.([01])$/;
const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/;

/** The headers of the last message: the next one of the same sender mostly has the very same. */
export interface LastHeaders {
  readonly block: string;
  readonly fields: Fields;
}

/** The text up to, and without, the empty line. */
export function requestHead(text: string, last?: LastHeaders): RequestHead & { readonly last: LastHeaders } {
  const end = text.indexOf('\r\n');
  const line = end < 0 ? text : text.slice(0, end);
  const block = end < 0 ? '' : text.slice(end);
  const found = requestLine.exec(line);
  if (!found) throw new BadMessage(400, 'the first line is no request of HTTP/1.1');
  const [, method = '', target = '', minor] = found;
  if (target.length > limits.targetCharsMax) {
    throw new BadMessage(414, `the path is longer than ${limits.targetCharsMax} characters`);
  }
  const known = last?.block === block ? last : { block, fields: fieldsOf(linesOf(block)) };
  const { fields } = known;
  const { headers, hosts } = fields;
  if (hosts > 1 || (hosts === 0 && minor === '1')) throw new BadMessage(400, 'there must be one Host header');
  if (fields.coding !== undefined && minor === '0') throw new BadMessage(400, 'HTTP/1.0 knows no Transfer-Encoding');
  const framing = framingOf(fields) ?? 0;
  const { connection } = fields;
  return { method, target, minor: minor === '0' ? 0 : 1, headers, framing, connection, last: known };
}

export function responseHead(text: string, method: string): ResponseHead {
  const lines = linesOf(text);
  const found = statusLine.exec(lines[0] as string);
  if (!found) throw new BadMessage(502, 'the first line is no answer of HTTP/1.1');
  const status = Number(found[2]);
  const fields = fieldsOf(lines);
  const closes = fields.connection.includes('close') || (found[1] === '0' && !fields.connection.includes('keep-alive'));
  const declared = framingOf(fields);
  const framing = method === 'HEAD' || status < 200 || status === 204 || status === 304 ? 0 : (declared ?? 'close');
  return { status, headers: fields.headers, framing, keepAlive: !closes && framing !== 'close' };
}

function linesOf(text: string): readonly string[] {
  if (forbidden.test(text)) throw new BadMessage(400, 'the head holds control characters or a folded line');
  const lines = text.split('\r\n');
  if (lines.length > limits.headersMax) throw new BadMessage(431, `there are more than ${limits.headersMax} headers`);
  return lines;
}

export interface Fields {
  readonly headers: HeaderList;
  hosts: number;
  length: string | undefined;
  coding: string | undefined;
  connection: string;
}

function fieldsOf(lines: readonly string[]): Fields {
  const headers = new HeaderList();
  const fields: Fields = { headers, hosts: 0, length: undefined, coding: undefined, connection: '' };
  for (let index = 1; index < lines.length; index++) {
    const line = lines[index] as string;
    const colon = line.indexOf(':');
    const written = colon < 0 ? line : line.slice(0, colon);
    if (colon < 1 || !token.test(written)) throw new BadMessage(400, `${JSON.stringify(written)} is no header's name`);
    const name = written.toLowerCase();
    headers.push(name, line);
    if (name === 'host') fields.hosts++;
    else if (name === 'connection') fields.connection += `${line.slice(colon + 1).toLowerCase()},`;
    else if (name === 'content-length') fields.length = once(fields.length, line.slice(colon + 1).trim());
    else if (name === 'transfer-encoding') fields.coding = once(fields.coding, line.slice(colon + 1).trim());
  }
  return fields;
}

/** Two readers of one message must never disagree where it ends: what could be read in two ways is refused. */
function once(before: string | undefined, value: string): string {
  if (before !== undefined) throw new BadMessage(400, 'the length of the body is told twice');
  return value;
}

function framingOf({ length, coding }: Fields): number | 'chunked' | undefined {
  if (coding !== undefined) {
    if (length !== undefined) throw new BadMessage(400, 'both Content-Length and Transfer-Encoding are given');
    if (coding.toLowerCase() !== 'chunked') throw new BadMessage(501, `Transfer-Encoding ${coding} is not known`);
    return 'chunked';
  }
  if (length === undefined) return undefined;
  if (!/^\d{1,15}$/.test(length)) throw new BadMessage(400, `Content-Length ${JSON.stringify(length)} is no number`);
  return Number(length);
}
