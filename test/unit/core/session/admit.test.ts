import { expect, it } from "vitest";
import { createMemoryLogStore } from "../../../../adapters/memory/index.ts";
import { factsOfLine, runStarted } from "../../../../src/core/model/server-events.ts";
import { admit, type PostedEvents } from "../../../../src/core/session/admission.ts";
import { RunlogError } from "../../../../src/ports/errors.ts";
import { codeOf } from "../../../contract/outcome.ts";
import { sessionsOf } from "../../../support/session-registry.ts";

const KEY = { project: "p", session: "s" };
const RUN = { runId: "r1", threadId: "t" };

it.each(["append", "setHead"] as const)(
  "a run whose session is lost in %s is refused as one of which something may be stored, or nothing is",
  async (call) => {
    const inner = createMemoryLogStore();
    const refuse = () => Promise.reject(new RunlogError("log-not-owned", "Another server has it"));
    const { session } = sessionsOf({ ...inner, [call]: refuse }).use(KEY);
    const released: string[] = [];
    const mark = {
      set: async () => {},
      clear: async () => {},
      release: (logId: string) => void released.push(logId),
    };
    const line = runStarted({ ...RUN, timestamp: 1 });
    const posted: PostedEvents = {
      lines: [line],
      events: [factsOfLine(line)],
      transcript: [[], [], new Set()],
    };
    const code = await codeOf(admit(session, { ...RUN, mark }, () => Promise.resolve(posted)));
    const isStored = ((await inner.stat(KEY))?.end.raw ?? 0) > 0;
    expect(isStored).toBe(call === "setHead");
    expect(code).toBe(isStored ? "log-not-writable" : "log-not-owned");
    expect(released).toHaveLength(1);
  },
);
