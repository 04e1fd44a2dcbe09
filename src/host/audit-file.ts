import { createWriteStream } from 'node:fs';
import type { JsonObject } from '../base/json.ts';

/** One event a line, appended. Only its owner may read it: it says who did what, and with some policies all of it. */
export function auditFile(path: string, failed: (error: Error) => void): (event: JsonObject) => void {
  const file = createWriteStream(path, { flags: 'a', mode: 0o600 });
  file.on('error', failed);
  return (event) => void file.write(`${JSON.stringify(event)}\n`);
}
