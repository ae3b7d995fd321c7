import { describe, expect, it } from "vitest";
import { addressOfStream, CLIENTS } from "../support/agui-clients.ts";
import { tellLog } from "../support/told-log.ts";
import { meaningOf } from "./meaning.ts";

const ids = (runId: string) => ({ threadId: "s1", runId });
const answer = { id: "kept", role: "assistant", content: "714" };

/** In its second run an agent makes a call under the id of a message that the first run has made. */
const LOG = [
  { type: "RUN_STARTED", ...ids("r0") },
  { type: "TEXT_MESSAGE_START", messageId: "same", role: "assistant" },
  { type: "RUN_FINISHED", ...ids("r0") },
  { type: "RUN_STARTED", ...ids("r1") },
  { type: "TOOL_CALL_START", toolCallId: "same", toolCallName: "f" },
  { type: "MESSAGES_SNAPSHOT", messages: [answer] },
  { type: "RUN_FINISHED", ...ids("r1") },
].map((event) => JSON.stringify(event));

/** The run's own message goes, the earlier one stays: by what a message is, not by its id. */
const MESSAGES = [{ id: "same", role: "assistant", content: "" }, answer];

describe("a call under the id of an earlier message, which a snapshot has under another id", () => {
  it("leaves the earlier message, and no call, in what the log means", async () => {
    expect((await meaningOf(LOG)).messages).toEqual(MESSAGES);
  });

  it.each(CLIENTS)("leaves a client of $version with the same", async (client) => {
    for (const snapshot of [false, true]) {
      const dialect = client.version === "1.0.0" ? "1.0" : "0.0";
      const body = await tellLog(LOG, { dialect, snapshot });
      const { messages } = await client.follow(addressOfStream(body));
      expect(messages).toEqual(MESSAGES);
    }
  });
});
