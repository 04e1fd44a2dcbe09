import { ContainerChecker } from './check-containers.ts';
import { IdentityChecker } from './check-identity.ts';
import { PlacementChecker } from './check-placement.ts';
import { ReplicaChecker } from './check-replicas.ts';
import { GenerationChecker, RevisionChecker, WatchChecker } from './check-store.ts';
import type { CheckedWorld, Checker } from './checker.ts';

/** The invariants that every simulation is held to. */
export function standardCheckers(world: CheckedWorld): readonly Checker[] {
  return [
    new RevisionChecker(),
    new WatchChecker(),
    new GenerationChecker(),
    new PlacementChecker(),
    new ReplicaChecker(world),
    new ContainerChecker(world),
    new IdentityChecker(world),
  ];
}
