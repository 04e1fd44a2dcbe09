import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiRequest } from '../api/wire.ts';
import { seeded } from '../base/random.ts';
import { paceOf } from '../base/steps.test-data.ts';
import { stepMembersMax } from '../base/steps.ts';
import { never } from '../base/stop.ts';
import { wholeText } from './body.ts';

function sent(bytes: Uint8Array): ApiRequest {
  const caller = { name: 'x', groups: [], extra: {} };
  const body = { bytes, mediaType: 'application/json' };
  return { method: 'POST', path: '', query: [], headers: {}, caller, stop: never, body };
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Each byte that begins no character becomes one replacement. */
function repairedSlowly(bytes: Uint8Array): string {
  const out: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    let size = 0;
    for (let length = 4; length > 0 && size === 0; length--) {
      try {
        const text = strict.decode(bytes.subarray(at, at + length));
        if ([...text].length !== 1) continue;
        size = Math.min(length, bytes.length - at);
        out.push(text);
      } catch {
        // Fewer bytes may be a character.
      }
    }
    if (size === 0) out.push('\ufffd');
    at += size || 1;
  }
  return out.join('');
}

test('Bytes that are no text become replacements one by one, a little at a time, and all else stays', () => {
  const random = seeded('bytes');
  const mark = [0xef, 0xbb, 0xbf];
  const bytes = Uint8Array.from({ length: 60_000 }, () => random.below(256));
  for (let at = 30; at < bytes.length - 10; at += 1_000) bytes.set([0xff, ...mark, 0xf0, 0x9f, 0x98, 0x80], at);
  const { result, longest, members } = paceOf(wholeText(sent(bytes)));
  assert.ok(result === repairedSlowly(bytes), 'as one by one');
  assert.ok(longest <= stepMembersMax && members >= 3 * stepMembersMax, `${members} members, ${longest} at once`);
});
