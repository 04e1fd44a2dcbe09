import { STATUS_CODES } from '../node-http.ts';
import { deadlines } from './limits.ts';

const stays = `Connection: keep-alive\r\nKeep-Alive: timeout=${deadlines.idleMs / 1000}\r\n`;
const ends = 'Connection: close\r\n';
let second = Number.NaN;
let date = '';

/** The lines before a body, as HTTP/1.1 writes them. `head`: names and values in turns. */
export function headText(status: number, head: readonly string[], isLast: boolean): string {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`;
  for (let index = 0; index < head.length; index += 2) {
    const [name, value] = [head[index] as string, head[index + 1] as string];
    // What an answer repeats of what others said must not become a line of its own.
    if (/[^\t -~\x80-\xff]/.test(value)) throw new Error(`the header ${name} has a character that may not be in it`);
    text += `${name}: ${value}\r\n`;
  }
  return `${text}Date: ${now()}\r\n${isLast ? ends : stays}\r\n`;
}

/** Written anew once a second. */
function now(): string {
  const time = Date.now();
  const current = Math.floor(time / 1000);
  if (current !== second) {
    second = current;
    date = new Date(time).toUTCString();
  }
  return date;
}
