import type { CelType } from './type.ts';
import * as types from './type.ts';

const names: Readonly<Record<string, CelType>> = {
  bool: types.bool,
  int: types.int,
  uint: types.uint,
  double: types.double,
  string: types.string,
  bytes: types.bytes,
  list: types.listOf(types.dyn),
  map: types.mapOf(types.dyn, types.dyn),
  null_type: types.nullType,
  type: types.typeOf(types.dyn),
  optional_type: types.optionalOf(types.dyn),
  'google.protobuf.Timestamp': types.timestamp,
  'google.protobuf.Duration': types.duration,
};

/** The type that a name stands for in every environment. */
export const namedType = (name: string): CelType | undefined => (Object.hasOwn(names, name) ? names[name] : undefined);
