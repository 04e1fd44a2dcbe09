import type { ContainerSpec, Runtime } from '../../src/agent/runtime.ts';
import type { PartChoice } from '../../src/sim/cluster.ts';

/** An agent that, started again, does not know what it started before: it adopts nothing and starts everything anew. */
export const orphaningAgent: Partial<PartChoice> = {
  engine: (runtime, start) => inLife(runtime, `${start}:`),
};

function inLife(engine: Runtime, life: string): Runtime {
  const own = (id: string): string => life + id;
  const bare = (id: string): string => id.slice(life.length);
  const inside = (spec: ContainerSpec): ContainerSpec => ({ ...spec, id: own(spec.id), sandbox: own(spec.sandbox) });
  return {
    name: engine.name,
    images: engine.images,
    openSandbox: (spec, planned) => engine.openSandbox({ ...spec, id: own(spec.id) }, planned),
    closeSandbox: (id) => engine.closeSandbox(own(id)),
    create: (spec) => engine.create(inside(spec)),
    start: (id) => engine.start(own(id)),
    stop: (id, grace) => engine.stop(own(id), grace),
    remove: (id) => engine.remove(own(id)),
    update: (id, resources) => engine.update(own(id), resources),
    list: async () => {
      const { sandboxes, containers } = await engine.list();
      const mine = (id: string) => id.startsWith(life);
      return {
        sandboxes: sandboxes.filter(({ id }) => mine(id)).map((one) => ({ ...one, id: bare(one.id) })),
        containers: containers
          .filter(({ id }) => mine(id))
          .map((one) => ({ ...one, id: bare(one.id), sandbox: bare(one.sandbox) })),
      };
    },
    events: async function* (stop) {
      for await (const { id } of engine.events(stop)) if (id.startsWith(life)) yield { id: bare(id) };
    },
    logs: (id, options, stop) => engine.logs(own(id), options, stop),
    exec: (id, command, io, stop) => engine.exec(own(id), command, io, stop),
    connect: (sandbox, port) => engine.connect(own(sandbox), port),
    usage: () => engine.usage(),
  };
}
