/** A run of lines that both texts have. */
interface Match {
  readonly a: number;
  readonly b: number;
  readonly size: number;
}
type Place = readonly [aFrom: number, aTo: number, bFrom: number, bTo: number];

const contextDefault = 3;
/** In long texts, lines that make up more than this share of it begin no match: they are everywhere. */
const popularShare = 0.01;
const longFrom = 200;

/** Longer texts are not compared, nor are those in which more places are alike: it would take as long as it pleases. */
const linesMax = 20_000;
const looksMax = 2_000_000;

/**
 * The difference of two texts as hunks, as people know it from `diff -u`, without its head. The longest run that both
 * have comes first, then what is left and right of it, as in the library that Kubernetes uses: the hunks are the same.
 * Nothing where it would take long to find.
 */
export function unifiedDiff(a: readonly string[], b: readonly string[], context = contextDefault): string {
  const found = a.length + b.length <= linesMax ? matches(a, b) : undefined;
  if (!found) return '';
  return hunks(edits(found, a.length, b.length), context)
    .map((hunk) => hunkText(hunk, a, b))
    .join('');
}

function matches(a: readonly string[], b: readonly string[]): readonly Match[] | undefined {
  const places = placesOf(b);
  const found: Match[] = [];
  const left: Place[] = [[0, a.length, 0, b.length]];
  let looks = 0;
  for (let place = left.pop(); place; place = left.pop()) {
    const longest = longestMatch(a, b, places, place);
    looks += longest.looks;
    if (looks > looksMax) return undefined;
    if (longest.size === 0) continue;
    found.push(longest);
    const [aFrom, aTo, bFrom, bTo] = place;
    left.push([aFrom, longest.a, bFrom, longest.b], [longest.a + longest.size, aTo, longest.b + longest.size, bTo]);
  }
  return found.sort((one, other) => one.a - other.a || one.b - other.b);
}

function placesOf(lines: readonly string[]): ReadonlyMap<string, readonly number[]> {
  const places = new Map<string, number[]>();
  for (const [index, line] of lines.entries()) {
    const known = places.get(line);
    if (known) known.push(index);
    else places.set(line, [index]);
  }
  if (lines.length >= longFrom) {
    const most = Math.floor(lines.length * popularShare) + 1;
    for (const [line, at] of places) if (at.length > most) places.delete(line);
  }
  return places;
}

function longestMatch(
  a: readonly string[],
  b: readonly string[],
  places: ReadonlyMap<string, readonly number[]>,
  [aFrom, aTo, bFrom, bTo]: Place,
): Match & { readonly looks: number } {
  let looks = aTo - aFrom;
  let best: Match = { a: aFrom, b: bFrom, size: 0 };
  let sizes = new Map<number, number>();
  for (let at = aFrom; at < aTo; at++) {
    const next = new Map<number, number>();
    const known = places.get(a[at] as string) ?? [];
    looks += known.length;
    if (looks > looksMax) break;
    for (const place of known) {
      if (place < bFrom) continue;
      if (place >= bTo) break;
      const size = (sizes.get(place - 1) ?? 0) + 1;
      next.set(place, size);
      if (size > best.size) best = { a: at - size + 1, b: place - size + 1, size };
    }
    sizes = next;
  }
  let { a: aStart, b: bStart, size } = best;
  // Lines that begin no match still belong to one beside them.
  while (aStart > aFrom && bStart > bFrom && a[aStart - 1] === b[bStart - 1]) {
    aStart--;
    bStart--;
    size++;
  }
  while (aStart + size < aTo && bStart + size < bTo && a[aStart + size] === b[bStart + size]) size++;
  return { a: aStart, b: bStart, size, looks };
}

/** What stands between two matches, and the matches themselves. */
interface Edit {
  readonly equal: boolean;
  readonly place: Place;
}

function edits(found: readonly Match[], aLength: number, bLength: number): readonly Edit[] {
  const all: Edit[] = [];
  let [aAt, bAt] = [0, 0];
  for (const { a, b, size } of [...found, { a: aLength, b: bLength, size: 0 }]) {
    if (aAt < a || bAt < b) all.push({ equal: false, place: [aAt, a, bAt, b] });
    if (size > 0) all.push({ equal: true, place: [a, a + size, b, b + size] });
    [aAt, bAt] = [a + size, b + size];
  }
  return all;
}

/** Changes with so many lines around them; those that are near each other share a hunk. */
function hunks(all: readonly Edit[], context: number): readonly (readonly Edit[])[] {
  const found: Edit[][] = [];
  let current: Edit[] = [];
  for (const [index, edit] of all.entries()) {
    if (!edit.equal) {
      current.push(edit);
      continue;
    }
    const [aFrom, aTo, bFrom, bTo] = edit.place;
    const [isFirst, isLast] = [index === 0, index === all.length - 1];
    if (!isFirst && !isLast && aTo - aFrom <= 2 * context) {
      current.push(edit);
      continue;
    }
    const kept = Math.min(context, aTo - aFrom);
    if (!isFirst) found.push([...current, { equal: true, place: [aFrom, aFrom + kept, bFrom, bFrom + kept] }]);
    current = isLast ? [] : [{ equal: true, place: [aTo - kept, aTo, bTo - kept, bTo] }];
  }
  if (current.some(({ equal }) => !equal)) found.push(current);
  return found.filter((hunk) => hunk.some(({ equal }) => !equal));
}

function hunkText(hunk: readonly Edit[], a: readonly string[], b: readonly string[]): string {
  const [aFrom, , bFrom] = (hunk[0] as Edit).place;
  const [, aTo, , bTo] = (hunk.at(-1) as Edit).place;
  let text = `@@ -${range(aFrom, aTo)} +${range(bFrom, bTo)} @@\n`;
  for (const { equal, place } of hunk) {
    const [from, to, otherFrom, otherTo] = place;
    for (const line of a.slice(from, to)) text += `${equal ? ' ' : '-'}${line}\n`;
    if (!equal) for (const line of b.slice(otherFrom, otherTo)) text += `+${line}\n`;
  }
  return text;
}

function range(from: number, to: number): string {
  const length = to - from;
  if (length === 1) return String(from + 1);
  // An empty range begins at the line before it.
  return `${length === 0 ? from : from + 1},${length}`;
}
