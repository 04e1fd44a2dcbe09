import { nodes } from '../api/kinds/node.ts';
import { persistentVolumes } from '../api/kinds/persistent-volume.ts';
import { persistentVolumeClaims } from '../api/kinds/persistent-volume-claim.ts';
import { pods } from '../api/kinds/pod.ts';
import { services } from '../api/kinds/service.ts';
import { storageClasses } from '../api/kinds/storage-class.ts';
import { type Component, type Env, forkEnv } from '../base/env.ts';
import type { Client } from '../client/client.ts';
import { scheduler as speaker } from '../client/speakers.ts';
import type { Caches } from '../machinery/caches.ts';
import { ControllerLoop } from '../machinery/controller-loop.ts';
import { EventRecorder } from '../machinery/events.ts';
import { schedulingFigures } from './figures.ts';
import { Scheduler } from './scheduler.ts';

/** Bindings under way at once. */
const workers = 64;

/** The scheduler in its loop. */
export function schedulerLoop(env: Env, given: Client, caches: Caches): Component {
  const own = forkEnv(env, 'scheduler');
  const client = given.as('kube-scheduler', speaker);
  const scheduler = new Scheduler({
    pods: caches.of(pods),
    nodes: caches.of(nodes),
    services: caches.of(services),
    claims: caches.of(persistentVolumeClaims),
    volumes: caches.of(persistentVolumes),
    classes: caches.of(storageClasses),
  });
  schedulingFigures(own, caches.of(pods));
  const events = new EventRecorder(own, client, scheduler.name);
  return new ControllerLoop(own, client, scheduler, { workers, events });
}
