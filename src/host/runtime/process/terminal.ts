import { execFile } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';

// A terminal needs native code, which we do not bring. Linux has a program for it in every base system: `script` opens
// one, runs a command in it and passes on what is typed and shown. Elsewhere a command runs without a terminal.
const script = '/usr/bin/script';

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

const hasTerminals = (): boolean => process.platform === 'linux' && existsSync(script);

/** The command as it runs in a terminal of its own; itself where there is none to have. */
export function inTerminal(file: string, words: readonly string[], size?: TerminalSize): readonly [string, string[]] {
  if (!hasTerminals()) return [file, [...words]];
  // The shell in between is replaced by the command.
  const command = `exec ${[file, ...words].map(quoted).join(' ')}`;
  const line = size ? `stty rows ${size.rows} columns ${size.columns}; ${command}` : command;
  return [script, ['--quiet', '--return', '--flush', '--echo', 'always', '--command', line, '/dev/null']];
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** What is said before the terminal is open is said again until it is: a client tells its size at once. */
const lookAgainMs = 20;
const lookTimesMax = 100;
const latest = new Map<number, TerminalSize>();

/** `pid` is the program that holds the terminal; the terminal itself is where its child reads from. */
export function resizeTerminal(pid: number, size: TerminalSize, looked = 0): void {
  if (looked === 0) latest.set(pid, size);
  // A newer size has overtaken it.
  if (latest.get(pid) !== size) return;
  const terminal = hasTerminals() ? terminalOf(pid) : undefined;
  if (terminal === undefined && hasTerminals() && looked < lookTimesMax) {
    setTimeout(() => resizeTerminal(pid, size, looked + 1), lookAgainMs).unref();
    return;
  }
  latest.delete(pid);
  if (terminal === undefined) return;
  execFile('stty', ['-F', terminal, 'rows', String(size.rows), 'columns', String(size.columns)], () => {});
}

function terminalOf(pid: number): string | undefined {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    const terminal = readlinkSync(`/proc/${child}/fd/0`);
    return terminal.startsWith('/dev/pts/') ? terminal : undefined;
  } catch {
    return undefined;
  }
}
