import { knownMessages, readPostedInput } from "../../../src/core/profile/posted-input.ts";
import { readRunInput } from "../../../src/core/runs/run-input.ts";
import type { Cost } from "./cost.ts";
import { spentIn } from "./spent-in.ts";

const MEBIBYTE = 1024 * 1024;
const SIZES = [2, 15];
const COUNTS = [8_192, 65_536];

/** What the body of a run costs before the run begins. */
export const POSTED_BODY_COSTS: readonly Cost[] = [
  cost("a posted body of one text", "MiB", SIZES, (size) =>
    oneMessage("x".repeat(size * MEBIBYTE)),
  ),
  cost("a posted body of one text of escapes", "MiB", SIZES, (size) =>
    oneMessage('"'.repeat((size * MEBIBYTE) / 2)),
  ),
  cost("a posted body of many short messages", "messages", COUNTS, shortMessages),
  cost("a posted body of many lines", "MiB", SIZES, manyLines),
];

function cost(
  name: string,
  of: string,
  sizes: readonly number[],
  body: (size: number) => string,
): Cost {
  return {
    name,
    of,
    sizes,
    async measure(size) {
      const bytes = new TextEncoder().encode(body(size));
      return spentIn(async () => {
        await readRunInput(bytes, {
          defaultThreadId: "t",
          newId: () => crypto.randomUUID(),
          caller: { userId: "user", userName: "Somebody" },
        });
        const posted = await readPostedInput(bytes);
        if (!posted) throw new Error("the body was not read");
        await knownMessages(bytes, posted, "1.0");
        return {};
      });
    },
  };
}

function oneMessage(content: string): string {
  return JSON.stringify({ messages: [{ id: "m", role: "user", content }] });
}

/** Each of them gets an id and a sender. */
function shortMessages(count: number): string {
  const message = { role: "user", content: "some words of a text" };
  return JSON.stringify({ messages: Array.from({ length: count }, () => message) });
}

/** A person's JSON, of which one message has most. */
function manyLines(size: number): string {
  const part = { type: "text", text: "some words of a text" };
  const count = Math.floor((size * MEBIBYTE) / 80);
  const content = Array.from({ length: count }, () => part);
  return JSON.stringify({ messages: [{ id: "m", role: "user", content }] }, null, 2);
}
