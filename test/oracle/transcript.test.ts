import * as fc from "fast-check";
import { expect, it, vi } from "vitest";
import type { AgUiEvent } from "../../src/client/index.ts";
import { contentText } from "../../src/ui/conversation/items.ts";
import { pushEvent } from "../../src/ui/conversation/push-event.ts";
import { Transcript } from "../../src/ui/conversation/transcript.ts";
import { meaningOf } from "./meaning.ts";
import { randomLog } from "./random-run.ts";

const LOGS = Math.ceil(Number(process.env["ORACLE_LOGS"] ?? 2_000) / 10);
const TIMEOUT_MS = 3_600_000;

// clients say what they think of a stream, for each event of it
for (const method of ["warn", "error"] as const)
  vi.spyOn(console, method).mockImplementation(() => {});

/** What people said and agents answered, by its id. */
type Said = ReadonlyMap<string, string>;

async function meantBy(lines: readonly string[]): Promise<Said> {
  const { messages } = await meaningOf(lines);
  const texts = messages.filter(({ role }) => role === "assistant" || role === "user");
  return new Map(texts.map((message) => [String(message["id"]), contentText(message["content"])]));
}

function shownFor(lines: readonly string[]): Said {
  const transcript = new Transcript();
  for (const line of lines) pushEvent(transcript, JSON.parse(line) as AgUiEvent);
  const texts = transcript.items.filter((item) => item.kind === "message");
  // a call without a message has one that is made up for it
  const said = texts.filter(
    ({ text, role }) => text !== "" && (role === "user" || role === "assistant"),
  );
  return new Map(said.map(({ id, text }) => [id, text]));
}

it(
  "the inspector's conversation has what the client's reducer makes of a log in which no snapshot falls into a message",
  async () => {
    await fc.assert(
      fc.asyncProperty(randomLog({ isValid: true, isPlain: true }), async (log) => {
        // the reducer takes chunks only once something else has taken them apart
        const lines = log.filter((line) => !line.includes('_CHUNK"'));
        const meant = new Map([...(await meantBy(lines))].filter(([, text]) => text !== ""));
        expect(shownFor(lines)).toEqual(meant);
      }),
      { numRuns: LOGS },
    );
  },
  TIMEOUT_MS,
);
