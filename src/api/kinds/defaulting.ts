/** A part of an object whose shape the schema has already checked. */
export type Part = Readonly<Record<string, unknown>>;

/** The value with what it lacks. The same value where it lacks nothing. */
export function filled<T extends object>(value: T, absent: Part): T {
  let out: Record<string, unknown> | undefined;
  for (const key in absent) {
    if ((value as Part)[key] === undefined && absent[key] !== undefined) {
      out ??= { ...value } as Record<string, unknown>;
      out[key] = absent[key];
    }
  }
  return (out as T | undefined) ?? value;
}

/** The value with one member made anew, where it has that member. */
export function changed<T extends object>(value: T, key: string, change: (member: Part) => unknown): T {
  const member = (value as Part)[key];
  if (member === undefined || member === null) return value;
  const next = change(member as Part);
  return next === member ? value : { ...value, [key]: next };
}

/** In this phase, where it does not say in which. */
export const inPhase = <T extends { readonly status?: unknown }>(object: T, phase: string): T =>
  partOf(object.status).phase ? object : { ...object, status: { ...partOf(object.status), phase } };

/** The value with every item of one list made anew, where it has that list. */
export const changedItems = <T extends object>(value: T, key: string, change: (item: Part) => Part): T =>
  changed(value, key, (list) => mapped(list as unknown as readonly Part[], change));

function mapped(list: readonly Part[], change: (item: Part) => Part): readonly Part[] {
  let same = true;
  const out = list.map((item) => {
    const next = change(item);
    same &&= next === item;
    return next;
  });
  return same ? list : out;
}

export const partOf = (value: unknown): Part => (value ?? {}) as Part;
export const partsOf = (value: unknown): readonly Part[] => (value ?? []) as readonly Part[];
export const textOf = (value: unknown): string => (value === undefined || value === null ? '' : String(value));
export const textsOf = (value: unknown): readonly string[] => (value ?? []) as readonly string[];
export const mapOf = (value: unknown): Readonly<Record<string, string>> =>
  (value ?? {}) as Readonly<Record<string, string>>;
