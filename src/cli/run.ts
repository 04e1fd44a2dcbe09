import { ApiError } from '../api/error.ts';
import { Stopped } from '../base/env.ts';
import { type Command, CommandFailure, type Connected, type World } from './command.ts';
import { environmentName, type Flag, nearest, parseFlags, placeholder, UsageError } from './flags.ts';
import { aligned } from './print.ts';

/** A row of the table of commands. The code of a command is loaded when it is asked for. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Left out of the list of commands. */
  readonly hidden?: boolean;
  load(): Promise<Command>;
}

/** Runs what the words say; answers the exit code: 0, 1 for what could not be done, 2 for wrong words. */
export async function runCommand(
  entries: readonly CommandEntry[],
  words: readonly string[],
  world: World,
): Promise<number> {
  try {
    return await dispatched(entries, words, world);
  } catch (error) {
    return failed(error, world);
  }
}

async function dispatched(entries: readonly CommandEntry[], words: readonly string[], world: World): Promise<number> {
  const [name = 'help', ...rest] = words;
  if (name === 'help' || name === '--help' || name === '-h') {
    const topic = rest[0];
    world.io.out(topic === undefined ? overview(entries) : commandHelp(await entryOf(entries, topic).load()));
    return 0;
  }
  if (name === '--version') return dispatched(entries, ['version', ...rest], world);
  const command = await entryOf(entries, name).load();
  if (asksForHelp(rest)) {
    world.io.out(commandHelp(command));
    return 0;
  }
  const { values, rest: left } = parseFlags(command.flags, rest, world.environment);
  let connected: Promise<Connected> | undefined;
  const text = (flag: string) => values[flag] as string | undefined;
  const connect = () => {
    connected ??= world.connect({
      kubeconfig: text('kubeconfig'),
      context: text('context'),
      dataDir: text('data-dir'),
      name: text('name'),
    });
    return connected;
  };
  return command.run({
    ...world,
    values,
    rest: left,
    client: async () => (await connect()).client,
    namespace: async () => text('namespace') || (await connect()).namespace,
  });
}

/** Words behind `--` are not ours. */
function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  const own = end < 0 ? words : words.slice(0, end);
  return own.includes('--help') || own.includes('-h');
}

function entryOf(entries: readonly CommandEntry[], name: string): CommandEntry {
  const entry = entries.find((candidate) => candidate.name === name);
  if (entry) return entry;
  const names = entries.filter((candidate) => !candidate.hidden).map((candidate) => candidate.name);
  const close = nearest(name, names);
  throw new UsageError(
    `unknown command ${JSON.stringify(name)}: ${close ? `did you mean ${close}?` : `known are ${names.join(', ')}`}`,
  );
}

function failed(error: unknown, world: World): number {
  if (error instanceof UsageError) {
    world.io.error(`mini-k8s: ${error.message}\n`);
    return 2;
  }
  if (error instanceof Stopped && world.stop.stopped) return 130;
  if (error instanceof ApiError) {
    world.io.error(`Error from server (${error.reason}): ${error.message}\n`);
    return 1;
  }
  const message = error instanceof Error ? error.message : String(error);
  world.io.error(`${error instanceof CommandFailure ? '' : 'error: '}${message}\n`);
  return 1;
}

function overview(entries: readonly CommandEntry[]): string {
  const shown = entries.filter((entry) => !entry.hidden).map((entry) => [`  ${entry.name}`, entry.summary]);
  return [
    'Kubernetes in one package.',
    '',
    'Usage: mini-k8s COMMAND [flags]',
    '',
    'Commands:',
    aligned(shown),
    '',
    'mini-k8s COMMAND --help tells the flags of a command.',
    '',
  ].join('\n');
}

function commandHelp(command: Command): string {
  const flags = Object.entries(command.flags).map(([name, flag]) => [
    `  ${flag.short ? `-${flag.short}, ` : ''}--${name}${flag.type === 'switch' ? '' : ` ${placeholder(flag)}`}`,
    `${flag.help}${defaultText(flag)}`,
  ]);
  const variable = Object.keys(command.flags)[0] ?? '';
  return [
    command.summary,
    '',
    `Usage: mini-k8s ${command.name}${command.usage ? ` ${command.usage}` : ''}`,
    ...(flags.length === 0
      ? []
      : [
          '',
          'Flags:',
          aligned(flags),
          '',
          `Every flag has a variable: ${environmentName(variable)} is --${variable}.`,
        ]),
    '',
  ].join('\n');
}

const defaultText = (flag: Flag): string =>
  'default' in flag && flag.default !== undefined && flag.default !== '' ? ` (default ${flag.default})` : '';
