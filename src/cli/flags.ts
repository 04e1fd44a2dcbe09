/** A mistake of whoever typed the command. The message is one line that says what is right; the exit code is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

interface FlagFacts {
  readonly help: string;
  /** One letter, for `-n NAME`. */
  readonly short?: string;
  /** What the help calls the value, such as FILE. */
  readonly value?: string;
  /** Further environment variables, asked after MINI_K8S_..., such as KUBECONFIG. */
  readonly environment?: readonly string[];
}
export type Flag =
  | (FlagFacts & { readonly type: 'text'; readonly default?: string; readonly required?: boolean })
  | (FlagFacts & {
      readonly type: 'number';
      readonly default?: number;
      readonly required?: boolean;
      readonly least?: number;
      readonly most?: number;
    })
  | (FlagFacts & { readonly type: 'switch'; readonly default?: boolean })
  | (FlagFacts & { readonly type: 'list' })
  | (FlagFacts & {
      readonly type: 'choice';
      readonly choices: readonly string[];
      readonly default?: string;
      readonly required?: boolean;
    });
export type Flags = Readonly<Record<string, Flag>>;

type Optional<F, T> = F extends { readonly default: unknown } | { readonly required: true } ? T : T | undefined;
type ValueOf<F> = F extends { readonly type: 'switch' }
  ? boolean
  : F extends { readonly type: 'list' }
    ? readonly string[]
    : F extends { readonly type: 'number' }
      ? Optional<F, number>
      : F extends { readonly type: 'choice'; readonly choices: readonly (infer C)[] }
        ? Optional<F, C>
        : Optional<F, string>;
/** What was given, under the names of the definition: `values['data-dir']`. */
export type Values<F extends Flags> = { readonly [Name in keyof F]: ValueOf<F[Name]> };
export type Environment = Readonly<Record<string, string | undefined>>;

/** Keeps the literal types, so that values are typed by their definition. */
export function defineFlags<const F extends Flags>(flags: F): F {
  return flags;
}

export const environmentName = (name: string): string => `MINI_K8S_${name.toUpperCase().replaceAll('-', '_')}`;

/** The command line wins over the environment, and the environment over the default. */
export function parseFlags<F extends Flags>(
  flags: F,
  words: readonly string[],
  environment: Environment = {},
): { readonly values: Values<F>; readonly rest: readonly string[] } {
  const { given, rest } = sorted(flags, words);
  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(flags)) {
    const texts = given.get(name) ?? fromEnvironment(name, flag, environment);
    values[name] = texts ? typedValue(name, flag, texts) : absent(name, flag);
  }
  return { values: values as Values<F>, rest };
}

/** The nearest of the names, if it is near enough to be what was meant. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const name of names) {
    const distance = name.startsWith(word) && word.length > 1 ? 1 : editDistance(word, name);
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

interface Given {
  readonly texts: string[];
  /** How the user wrote it, for the message. */
  readonly origin: string;
}

function sorted(flags: Flags, words: readonly string[]): { given: Map<string, Given>; rest: readonly string[] } {
  const given = new Map<string, Given>();
  const rest: string[] = [];
  const queue = [...words];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--') {
      rest.push(...queue.splice(0));
    } else if (word.startsWith('--')) {
      long(flags, word, queue, given);
    } else if (word.startsWith('-') && word.length > 1) {
      short(flags, word, queue, given);
    } else {
      rest.push(word);
    }
  }
  return { given, rest };
}

function long(flags: Flags, word: string, queue: string[], given: Map<string, Given>): void {
  const equals = word.indexOf('=');
  const name = word.slice(2, equals < 0 ? undefined : equals);
  const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
  if (!flag) throw new UsageError(unknown(flags, `--${name}`, name));
  const text = equals < 0 ? following(flags, `--${name}`, flag, queue) : word.slice(equals + 1);
  add(given, name, `--${name}`, text);
}

/** `-A`, `-Aw`, `-n x`, `-nx` and `-n=x`. */
function short(flags: Flags, word: string, queue: string[], given: Map<string, Given>): void {
  for (let at = 1; at < word.length; at++) {
    const letter = word[at];
    const found = Object.entries(flags).find(([, flag]) => flag.short === letter);
    if (!found) throw new UsageError(unknown(flags, `-${letter}`, word.slice(1)));
    const [name, flag] = found;
    if (flag.type === 'switch') {
      add(given, name, `-${letter}`, 'true');
      continue;
    }
    const attached = word.slice(at + 1);
    const text = attached ? attached.replace(/^=/, '') : following(flags, `-${letter}`, flag, queue);
    add(given, name, `-${letter}`, text);
    return;
  }
}

function following(flags: Flags, origin: string, flag: Flag, queue: string[]): string {
  if (flag.type === 'switch') return 'true';
  const next = queue[0];
  // A word that is a flag itself was hardly meant as the value; a negative number or `-` was.
  const isFlag = next?.startsWith('--') && Object.hasOwn(flags, next.slice(2).split('=')[0] ?? '');
  if (next === undefined || isFlag) {
    throw new UsageError(`${origin} needs a value: ${origin} ${flag.value ?? placeholder(flag)} (${flag.help})`);
  }
  queue.shift();
  return next;
}

function add(given: Map<string, Given>, name: string, origin: string, text: string): void {
  const before = given.get(name);
  given.set(name, { texts: [...(before?.texts ?? []), text], origin });
}

function fromEnvironment(name: string, flag: Flag, environment: Environment): Given | undefined {
  for (const variable of [environmentName(name), ...(flag.environment ?? [])]) {
    const text = environment[variable];
    // An empty variable counts as unset, as shells have no other way to say so for one command.
    if (!text) continue;
    return { texts: flag.type === 'list' ? text.split(',') : [text], origin: variable };
  }
  return undefined;
}

function typedValue(name: string, flag: Flag, { texts, origin }: Given): unknown {
  const text = texts.at(-1) ?? '';
  switch (flag.type) {
    case 'list':
      return texts;
    case 'text':
      if (text === '' && flag.required) throw new UsageError(`${origin} must not be empty: ${flag.help}`);
      return text;
    case 'switch':
      return truth(text, origin);
    case 'number':
      return numberOf(flag, text, origin);
    case 'choice': {
      if (flag.choices.includes(text)) return text;
      throw new UsageError(`${origin} must be one of ${flag.choices.join(', ')}, not ${JSON.stringify(text)}`);
    }
    default:
      throw new Error(`the flag ${name} has no type`);
  }
}

function truth(text: string, origin: string): boolean {
  if (['true', '1', 'yes', 'on'].includes(text.toLowerCase())) return true;
  if (['false', '0', 'no', 'off'].includes(text.toLowerCase())) return false;
  throw new UsageError(`${origin} is a switch: true or false, not ${JSON.stringify(text)}`);
}

function numberOf(flag: Flag & { readonly type: 'number' }, text: string, origin: string): number {
  const value = Number(text);
  const least = flag.least ?? Number.MIN_SAFE_INTEGER;
  const most = flag.most ?? Number.MAX_SAFE_INTEGER;
  if (/^-?\d+$/.test(text) && value >= least && value <= most) return value;
  const range = [
    flag.least === undefined ? '' : ` of at least ${flag.least}`,
    flag.most === undefined ? '' : `${flag.least === undefined ? ' of' : ' and'} at most ${flag.most}`,
  ].join('');
  throw new UsageError(`${origin} must be a whole number${range}, not ${JSON.stringify(text)}`);
}

function absent(name: string, flag: Flag): unknown {
  if ('required' in flag && flag.required) {
    const how = `--${name} ${flag.value ?? placeholder(flag)}`;
    throw new UsageError(`${how} is required (${flag.help}); ${environmentName(name)} sets it too`);
  }
  if (flag.type === 'list') return [];
  if (flag.type === 'switch') return flag.default ?? false;
  return flag.default;
}

function unknown(flags: Flags, written: string, word: string): string {
  const close = nearest(word, Object.keys(flags));
  if (close) return `unknown flag ${written}: did you mean --${close}?`;
  const all = Object.keys(flags).map((name) => `--${name}`);
  return `unknown flag ${written}: ${all.length === 0 ? 'this command takes none' : `known are ${all.join(', ')}`}`;
}

export function placeholder(flag: Flag): string {
  if (flag.value) return flag.value;
  if (flag.type === 'number') return 'N';
  return flag.type === 'choice' ? flag.choices.join('|') : 'TEXT';
}

function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
