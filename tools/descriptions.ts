// Packs what types and fields are for into out/, so that `explain` can say it. Part of the build.
import { packDescriptions } from '../src/host/descriptions.ts';

const { types, bytes } = packDescriptions();
process.stdout.write(`descriptions of ${types} types: ${bytes} bytes\n`);
