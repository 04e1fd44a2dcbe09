// Packs what types and fields are for into out/, so that `explain` can say it. Part of the build.
import { packDescriptions } from '../src/host/descriptions.ts';

packDescriptions();
