import { describe } from "vitest";
import { type SessionDirectoryContractOptions, withSessions } from "./harness.ts";
import { readsSuite } from "./reads.ts";
import { writesSuite } from "./writes.ts";

export type { SessionDirectoryContractOptions, SessionDirectoryHarness } from "./harness.ts";

/** Defines the tests that every SessionDirectory passes. Their titles repeat the port's sentences. */
export function sessionDirectoryContract(
  name: string,
  options: SessionDirectoryContractOptions,
): void {
  const having = withSessions(options);
  describe(`SessionDirectory contract: ${name}`, () => {
    readsSuite(having);
    writesSuite(having);
  });
}
