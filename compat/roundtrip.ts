import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { brotliDecompressSync } from 'node:zlib';
import { decodeProtobuf } from '../src/api/protobuf.ts';
import { encodeProtobuf } from '../src/api/protobuf-encode.ts';
import { decodeJson } from '../src/api/schema/decode-json.ts';
import { schemaOf } from '../src/api/schema/schema.ts';
import { walk } from '../src/api/schema/walker.ts';
import type { JsonObject } from '../src/base/json.ts';

/** One of upstream's published compatibility samples: an object with every field set, in both forms. */
export interface Sample {
  /** group.version.Kind */
  readonly name: string;
  readonly json: string;
  /** Base64. */
  readonly protobuf: string;
}

export function readSamples(file: string): readonly Sample[] {
  const text = brotliDecompressSync(readFileSync(file)).toString('utf8');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Sample);
}

/** Whether the OpenAPI documents know the kind; of the others only protobuf numbers are known. */
export function isServed(sample: Sample): boolean {
  const { apiVersion = '', kind } = JSON.parse(sample.json) as { readonly apiVersion?: string; readonly kind: string };
  const slash = apiVersion.indexOf('/');
  const type = schemaOf({
    group: slash < 0 ? '' : apiVersion.slice(0, slash),
    version: apiVersion.slice(slash + 1),
    kind,
  });
  return type?.published === true && type.kind !== undefined;
}

/** What goes wrong on the way from one form to the other and back, in sentences; none: both ways are exact. */
export function judge(sample: Sample): readonly string[] {
  const object = JSON.parse(sample.json) as JsonObject;
  const bytes = Buffer.from(sample.protobuf, 'base64');
  const faults: string[] = [];
  const attempt = (what: string, works: () => boolean) => {
    try {
      if (!works()) faults.push(`${what} differs`);
    } catch (error) {
      faults.push(`${what}: ${(error as Error).message}`);
    }
  };
  attempt('JSON read and written', () => isDeepStrictEqual(readAndWritten(sample.json), object));
  attempt('protobuf of the JSON', () => bytes.equals(encodeProtobuf(object)));
  attempt('JSON of the protobuf', () => isDeepStrictEqual({ ...decodeProtobuf(bytes).value }, object));
  attempt('protobuf read and written', () => bytes.equals(encodeProtobuf(decodeProtobuf(bytes).value)));
  return faults;
}

/** As the server reads a body and prints an answer. */
function readAndWritten(json: string): unknown {
  const value = decodeJson(json).value as JsonObject;
  const { apiVersion = '', kind } = value as { readonly apiVersion?: string; readonly kind: string };
  const slash = apiVersion.indexOf('/');
  const type = schemaOf({
    group: slash < 0 ? '' : apiVersion.slice(0, slash),
    version: apiVersion.slice(slash + 1),
    kind,
  });
  if (!type?.published) return value;
  const { value: walked, errors, unknown } = walk(type, value);
  if (errors.length > 0 || unknown.length > 0) throw new Error([...errors, ...unknown].join('; '));
  return JSON.parse(JSON.stringify({ ...walked, kind, apiVersion }));
}
