import { describe } from "vitest";
import { appendSuite } from "./append.ts";
import { changesSuite } from "./changes.ts";
import { closedSuite } from "./closed.ts";
import { concurrentReadSuite } from "./concurrent-read.ts";
import { fenceSuite } from "./fence.ts";
import { freshStore } from "./harness.ts";
import type { LogStoreContractOptions } from "./harness.ts";
import { lifecycleSuite } from "./lifecycle.ts";
import { limitsSuite } from "./limits.ts";
import { listSuite } from "./list.ts";
import { marksSuite } from "./marks.ts";
import { namesSuite } from "./names.ts";
import { notesSuite } from "./notes.ts";
import { ownersSuite } from "./owners.ts";
import { readSuite } from "./read.ts";
import { reopenSuite } from "./reopen.ts";
import { runBodiesSuite } from "./run-bodies.ts";
import { valuesSuite } from "./values.ts";

export type { LogStoreContractOptions, LogStoreHarness } from "./harness.ts";

/**
 * Defines the tests that every LogStore passes. Their titles repeat the sentences of the port.
 * Nothing can be left out: a store that cannot be reopened is tested for keeping nothing.
 */
export function logStoreContract(name: string, options: LogStoreContractOptions): void {
  const fresh = freshStore(options);
  describe(`LogStore contract: ${name}`, () => {
    lifecycleSuite(fresh);
    appendSuite(fresh);
    readSuite(fresh);
    concurrentReadSuite(fresh);
    fenceSuite(fresh);
    ownersSuite(fresh);
    valuesSuite(fresh);
    notesSuite(fresh);
    changesSuite(fresh);
    marksSuite(fresh);
    runBodiesSuite(fresh);
    limitsSuite(fresh);
    namesSuite(fresh);
    listSuite(options);
    closedSuite(fresh);
    reopenSuite(options);
  });
}
