import type { Agent } from '../agent/agent.ts';
import { ApiError } from '../api/error.ts';
import type { Instant } from '../base/env.ts';
import { parseTime } from '../base/text.ts';
import type { LogQuery, NodeDoors } from '../server/node-doors.ts';

/** The agents of this process, as the API server reaches them: by a call. */
export class LocalDoors implements NodeDoors {
  readonly #agents = new Map<string, Agent>();

  add(node: string, agent: Agent): void {
    this.#agents.set(node, agent);
  }

  logs: NodeDoors['logs'] = async (node, pod, query, stop) => {
    const agent = this.#agents.get(node);
    if (!agent) throw new ApiError('ServiceUnavailable', `node ${node} is not reached from this server`);
    return agent.logs({ namespace: pod.namespace, name: pod.name }, query.container, optionsOf(query), stop);
  };
}

function optionsOf(query: LogQuery) {
  const since = query.sinceTime
    ? parseTime(query.sinceTime)
    : query.sinceSeconds === undefined
      ? undefined
      : ((Date.now() - query.sinceSeconds * 1000) as Instant);
  return {
    follow: query.follow,
    previous: query.previous,
    timestamps: query.timestamps,
    ...(query.tailLines === undefined ? {} : { tail: query.tailLines }),
    ...(since === undefined ? {} : { since }),
  };
}
