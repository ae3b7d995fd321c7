import { describe, expect, it } from "vitest";
import { addressOfStream, CLIENTS, type Followed } from "../support/agui-clients.ts";
import { tellLog, type TellOptions } from "../support/told-log.ts";
import { compactLines } from "./compact.ts";
import { RETIRED_REASONING } from "./conformance/agents.ts";
import { ACCEPTED, bodyOf, follow, hushClients, linesOf, REFUSED } from "./conformance/cases.ts";
import { NARROWING_SNAPSHOT } from "./conformance/state.ts";
import type { Case, Event } from "./conformance/stream.ts";

/** What a client of this version has of the body of an event stream. */
function followBody(version: string, body: string): Promise<Followed> {
  return follow(version, addressOfStream(body));
}

hushClients();

function eventsOf(body: string): Event[] {
  return [...body.matchAll(/^data: (.*)$/gm)].map(([, line = ""]) => JSON.parse(line) as Event);
}

/** A client of 1.0 has this of the log, however it comes to it, and is told these events. */
async function expectTold({ stream, told }: Case, held: Case["held"]): Promise<void> {
  const lines = linesOf(stream);
  const tell = async (shown: readonly string[], options: Partial<TellOptions> = {}) => {
    const body = await tellLog(shown, { dialect: "1.0", ...options });
    const followed = await followBody("1.0.0", body).catch((error: unknown) => {
      throw new Error(`The client refuses ${body}`, { cause: error });
    });
    expect(followed, body).toEqual(held);
    return body;
  };
  const rest = eventsOf(await tell(lines))[Symbol.iterator]();
  for (const event of told)
    expect(
      rest.find((other) => isLike(other, event)),
      JSON.stringify(event),
    ).toBeDefined();
  await tell(compactLines(lines));
  for (let at = 0; at <= lines.length; at++) {
    const after = lines.slice(at);
    await tell(lines.slice(0, at), { snapshot: true, after });
    await tell([...compactLines(lines.slice(0, at)), ...after]);
  }
}

function hasState({ held }: Case): boolean {
  return Boolean(held.state);
}

function idsOf(messages: Case["held"]["messages"]): unknown[] {
  return messages.map(({ id, role }) => [id, role]);
}

function isLike(event: Event, members: Event): boolean {
  return Object.entries(members).every(
    ([key, value]) => JSON.stringify(event[key]) === JSON.stringify(value),
  );
}

describe("streams of the standard, kept as a log", () => {
  it.each(ACCEPTED)("leave a client as they do without runlog: $name", async (the) => {
    expect(await followBody("1.0.0", bodyOf(the.stream))).toEqual(the.held);
    await expectTold(the, the.held);
  });

  it.each(REFUSED)("are repaired where a client refuses them: $name", async (the) => {
    await expect(followBody("1.0.0", bodyOf(the.stream))).rejects.toThrow(the.complaint);
    await expectTold(the, the.held);
  });

  it("keep the messages that a snapshot of one run leaves out", async () => {
    expect(await followBody("1.0.0", bodyOf(NARROWING_SNAPSHOT.stream))).toEqual(
      NARROWING_SNAPSHOT.held,
    );
    await expectTold(NARROWING_SNAPSHOT, NARROWING_SNAPSHOT.kept);
  });

  it("say retired thinking as reasoning whose ids are the same for whoever connects", async () => {
    const { stream, held } = RETIRED_REASONING;
    const { messages, state } = await followBody("1.0.0", bodyOf(stream));
    const named = messages.map((message, at) => ({ ...message, id: held.messages[at]?.["id"] }));
    expect({ messages: named, state }).toEqual(held);
    await expectTold(RETIRED_REASONING, held);
  });

  it.each(CLIENTS.filter(({ version }) => version !== "1.0.0"))(
    "are told to $version as it accepts them, with the same state and messages",
    async ({ version }) => {
      // they take no state that is falsy
      for (const the of [...ACCEPTED, ...REFUSED, RETIRED_REASONING].filter(hasState)) {
        const body = await tellLog(linesOf(the.stream), { dialect: "0.0" });
        const followed = await followBody(version, body).catch((error: unknown) => {
          throw new Error(`The client refuses ${body}`, { cause: error });
        });
        expect(followed.state, body).toEqual(the.held.state);
        expect(idsOf(followed.messages), body).toEqual(idsOf(the.held.messages));
      }
    },
  );
});
