import { deployments } from '../api/kinds/deployment.ts';
import { endpointSlices } from '../api/kinds/endpoint-slice.ts';
import { nodes } from '../api/kinds/node.ts';
import { pods } from '../api/kinds/pod.ts';
import { services } from '../api/kinds/service.ts';
import type { Cancel } from '../base/env.ts';
import { never } from '../base/stop.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import { element } from './element.ts';
import { browserEnv } from './env.ts';
import { fetchTransport } from './fetch-transport.ts';
import { sections } from './sections.ts';

// Many events at once are one new picture; ages and reasons in words grow older without any event.
const drawAfterMs = 50;
const drawAgainMs = 10_000;

const env = browserEnv();
const client = new Client(fetchTransport());
const seen = {
  nodes: new Cache(env, client, nodes),
  deployments: new Cache(env, client, deployments),
  services: new Cache(env, client, services),
  slices: new Cache(env, client, endpointSlices),
  pods: new Cache(env, client, pods),
};
const caches = Object.values(seen);

let waiting: Cancel | undefined;
let again: Cancel | undefined;
function drawSoon(): void {
  if (!waiting) waiting = env.clock.after(drawAfterMs, draw);
}

function draw(): void {
  waiting = undefined;
  again?.();
  again = env.clock.after(drawAgainMs, draw);
  const page = document.querySelector('main');
  if (!page) return;
  if (!caches.every((cache) => cache.synced)) {
    page.replaceChildren(element('p', 'none', 'Asking the cluster…'));
    return;
  }
  const world = {
    nodes: seen.nodes.list(),
    deployments: seen.deployments.list(),
    services: seen.services.list(),
    slices: seen.slices.list(),
    pods: seen.pods.list(),
  };
  page.replaceChildren(...sections(world, env.clock.now()));
}

for (const cache of caches) {
  cache.onProgress(drawSoon);
  cache.run(never).catch((error) => {
    env.log.error('the page no longer follows the cluster', { kind: cache.name, error });
    document.body.prepend(element('p', 'broken', `This page no longer follows ${cache.kind.plural}: reload it.`));
  });
}
draw();
