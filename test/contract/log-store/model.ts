import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LogStore } from "../../../src/ports/log-store.ts";
import { commandsArbitrary } from "./commands.ts";
import type { Command } from "./commands.ts";
import type { LogStoreContractOptions } from "./harness.ts";
import { createReplica, everythingOf, run } from "./replica.ts";

export interface LogStoreModelOptions extends LogStoreContractOptions {
  /** Makes the model: a fresh, empty store that is right by inspection. */
  readonly createModel: () => LogStore;
  /** How many random histories are tried. Default 50. */
  readonly runs?: number;
  /** The most commands of one history. Default 60. */
  readonly maxCommands?: number;
}

const MS_PER_RUN = 3000;

/**
 * Defines a test that leads the store and a model through the same random histories and compares
 * every answer, error codes included. A failure prints its seed and the shortest history.
 */
export function logStoreMatchesModel(name: string, options: LogStoreModelOptions): void {
  const { runs = 50, maxCommands = 60 } = options;
  describe(`LogStore against its model: ${name}`, () => {
    it(
      `answers ${runs} random histories as the model does`,
      async () => {
        const property = fc.asyncProperty(commandsArbitrary(maxCommands), (commands) =>
          compare(commands, options),
        );
        await fc.assert(property, { numRuns: runs });
      },
      30_000 + runs * MS_PER_RUN,
    );
  });
}

async function compare(commands: readonly Command[], options: LogStoreModelOptions): Promise<void> {
  const harness = await options.create();
  const modelStore = options.createModel();
  try {
    const model = createReplica(modelStore);
    const real = createReplica(harness.store);
    for (const [i, command] of commands.entries()) {
      // a model keeps what it has; the store must look as if it had
      if (command.kind === "reopen" && harness.reopen) real.store = await harness.reopen();
      const want = await run(model, command);
      expect(await run(real, command), `step ${i}: ${JSON.stringify(command)}`).toEqual(want);
    }
    expect(await everythingOf(real), "at the end").toEqual(await everythingOf(model));
  } finally {
    await modelStore.close();
    await harness.dispose();
  }
}
