import type { Component } from '../../src/base/env.ts';
import type { Client } from '../../src/client/client.ts';
import { allControllers } from '../../src/controllers/all.ts';
import type { PartChoice } from '../../src/sim/cluster.ts';

/** A controller loop that never learns what its own writes became, and so decides again before it sees them. */
export const impatientReplicaSet: Partial<PartChoice> = {
  controllers: (setting): readonly Component[] =>
    allControllers({ ...setting, client: withoutRevisions(setting.client) }),
};

function withoutRevisions(client: Client): Client {
  const blind = Object.create(client) as Client;
  blind.send = async (action) => {
    const done = await client.send(action);
    return { ...done, metadata: { ...done.metadata, resourceVersion: '' } };
  };
  for (const name of ['get', 'list', 'watch', 'request'] as const) {
    (blind as unknown as Record<string, unknown>)[name] = client[name].bind(client);
  }
  blind.as = (agent, speaker) => withoutRevisions(client.as(agent, speaker));
  return blind;
}
