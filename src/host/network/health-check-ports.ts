import { createServer, type Server } from 'node:http';
import type { Cancel, Env } from '../../base/env.ts';
import type { HealthCheck, HealthPorts } from '../../network/health-check.ts';

const againMs = 5_000;

/** Answers balancers outside, at a port of the node for each service, whatever path they ask for. */
export class HealthCheckPorts implements HealthPorts {
  readonly #env: Env;
  readonly #servers = new Map<number, Server>();
  #checks = new Map<number, HealthCheck>();
  #retry: Cancel | undefined;
  #closed = false;

  constructor(env: Env) {
    this.#env = env;
  }

  replace(checks: readonly HealthCheck[]): void {
    if (this.#closed) return;
    this.#checks = new Map(checks.map((check) => [check.port, check]));
    for (const [port, server] of this.#servers) {
      if (this.#checks.has(port)) continue;
      this.#servers.delete(port);
      end(server);
    }
    for (const check of checks) if (!this.#servers.has(check.port)) this.#listen(check);
  }

  close(): void {
    this.#closed = true;
    this.#retry?.();
    for (const server of this.#servers.values()) end(server);
    this.#servers.clear();
  }

  #listen({ port, namespace, name }: HealthCheck): void {
    const server = createServer((_request, response) => {
      const check = this.#checks.get(port);
      const found = check?.localEndpoints ?? 0;
      const service = { namespace: check?.namespace, name: check?.name };
      const body = { service, localEndpoints: found, serviceProxyHealthy: true };
      response.writeHead(found > 0 ? 200 : 503, {
        'Content-Type': 'application/json',
        'X-Content-Type-Options': 'nosniff',
        'X-Load-Balancing-Endpoint-Weight': String(found),
      });
      response.end(JSON.stringify(body, undefined, '\t'));
    });
    this.#servers.set(port, server);
    server.on('error', (error) => {
      // What another program has may become free.
      this.#servers.delete(port);
      const fields = { service: `${namespace}/${name}`, port, error: error.message };
      this.#env.log.error('a port for health checks of a service cannot be listened at, trying again', fields);
      this.#retry ??= this.#env.clock.after(againMs, () => {
        this.#retry = undefined;
        this.replace([...this.#checks.values()]);
      });
    });
    server.listen(port);
  }
}

function end(server: Server): void {
  server.close();
  server.closeAllConnections();
}
