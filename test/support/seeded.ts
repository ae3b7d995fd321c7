import { configureGlobal } from "fast-check";
import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    /** What random inputs are made of. */
    readonly seed: number;
  }
}

// a run always tries the same inputs, so that a failure is one of the change that was made
configureGlobal({ seed: inject("seed") });
