import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { addressOfStream, CLIENTS, type Followed } from "../support/agui-clients.ts";
import { tellLog } from "../support/told-log.ts";
import { meaningOf } from "./meaning.ts";
import { randomLog } from "./random-log.ts";

const RUNS = Number(process.env["ORACLE_RUNS"] ?? 2_000);

// clients say what they think of a stream, for each event of it
for (const method of ["warn", "error"] as const)
  vi.spyOn(console, method).mockImplementation(() => {});

/** What clients of before 0.0.59 know nothing of, and what the older dialect leaves out. */
function plain({ messages, state }: Followed, without: readonly string[]): Followed {
  const strip = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value), (key, inner: unknown) =>
      without.includes(key) ? undefined : inner,
    );
  return { messages: strip(messages) as Followed["messages"], state };
}

const clientOf = (version: string) => CLIENTS.find((client) => client.version === version)!;

describe("the standard profile of random logs", () => {
  it(
    "is accepted by a client of 1.0, and leaves it with the messages and the state that the log means",
    async () => {
      await fc.assert(
        fc.asyncProperty(randomLog, async (lines) => {
          const meaning = await meaningOf(lines);
          const full = await tellLog(lines, { dialect: "1.0" });
          const client = clientOf("1.0.0");
          const followed = await client.follow(addressOfStream(full));
          expect(plain(followed, [])).toEqual(plain(meaning, []));
        }),
        { numRuns: RUNS },
      );
    },
    600_000,
  );
});
