import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, CommandFailure } from '../cli/command.ts';
import { defineFlags } from '../cli/flags.ts';
import { running } from './pid-file.ts';
import { dataFolder, inMemory, serverFlags } from './settings.ts';

const patienceMs = 40_000;
const lookAgainMs = 20;
const flags = defineFlags({ 'data-dir': serverFlags['data-dir'], name: serverFlags.name });

export const down: Command<typeof flags> = {
  name: 'down',
  summary: 'End a cluster; its state is kept for the next up',
  usage: '[flags]',
  flags,
  async run({ values, io }) {
    const folder = dataFolder(values);
    const pid = folder === inMemory ? undefined : running(folder)?.pid;
    if (pid === undefined) {
      io.out(`no cluster is running in ${folder}\n`);
      return 0;
    }
    process.kill(pid, 'SIGTERM');
    const until = performance.now() + patienceMs;
    while (running(folder)) {
      if (performance.now() > until)
        throw new CommandFailure(`process ${pid} did not end within ${patienceMs / 1000} s`);
      await sleep(lookAgainMs);
    }
    io.out(`ended the cluster in ${folder}\n`);
    return 0;
  },
};
