import type { Command } from '../cli/command.ts';
import { openControlPlane } from './control-plane.ts';
import { readyLine, untilSignal } from './foreground.ts';
import { loneServerFlags } from './settings.ts';

export const server: Command<typeof loneServerFlags> = {
  name: 'server',
  summary: 'Run the API server alone, in the foreground',
  usage: '[flags]',
  flags: loneServerFlags,
  async run({ values, io }) {
    const plane = await openControlPlane(values, { resourceMetrics: values['resource-metrics'] });
    io.out(readyLine(plane));
    await untilSignal('server');
    await plane.close();
    return 0;
  },
};
