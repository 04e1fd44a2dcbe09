import type { RestartRule } from './kinds/pod.ts';

/** What the first rule of a container says that fits its exit code; nothing where none does. */
export function restartActionOf(rules: readonly RestartRule[] | undefined, exitCode: number): string | undefined {
  return rules?.find(({ exitCodes }) => {
    const among = exitCodes?.values?.includes(exitCode) ?? false;
    return exitCodes !== undefined && among === (exitCodes.operator === 'In');
  })?.action;
}
