import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { runBody, SessionClient, tell } from "../contract/session-routes/harness.ts";
import {
  ACCEPTED_AGENTS,
  REFUSED_AGENTS,
  RETIRED_REASONING,
} from "../oracle/conformance/agents.ts";
import { ACCEPTED_CONTENT, REFUSED_CONTENT } from "../oracle/conformance/content.ts";
import {
  ACCEPTED_RUNS,
  ACCEPTED_UNTIL_DRAFT,
  REFUSED_RUNS,
} from "../oracle/conformance/lifecycle.ts";
import { ACCEPTED_STATE, NARROWING_SNAPSHOT } from "../oracle/conformance/state.ts";
import type { Case } from "../oracle/conformance/stream.ts";
import { ACCEPTED_TEXTS, REFUSED_TEXTS } from "../oracle/conformance/text.ts";
import { addressOfStream, CLIENTS, type Followed } from "../support/agui-clients.ts";
import { listenTestServer } from "../support/test-server.ts";

const ACCEPTED = [
  ...ACCEPTED_RUNS,
  ...ACCEPTED_UNTIL_DRAFT,
  ...ACCEPTED_TEXTS,
  ...ACCEPTED_CONTENT,
  ...ACCEPTED_STATE,
  ...ACCEPTED_AGENTS,
];
const REFUSED = [...REFUSED_RUNS, ...REFUSED_TEXTS, ...REFUSED_CONTENT, ...REFUSED_AGENTS];
const KEPT: readonly Case[] = [
  RETIRED_REASONING,
  { ...NARROWING_SNAPSHOT, held: NARROWING_SNAPSHOT.kept },
];
const ALL = [...ACCEPTED, ...REFUSED, ...KEPT];

const ASKED = { id: "m-r1", role: "user", content: "hi" };

/** One run from its begin to its end: its own stream tells all of it. */
function isWhole({ stream }: Case): boolean {
  const boundaries = stream.filter(({ type }) => type.startsWith("RUN_"));
  return (
    boundaries.length === 2 && boundaries[0] === stream[0] && stream.at(-1)?.type === "RUN_FINISHED"
  );
}

const linesOf = ({ stream }: Case): string[] => stream.map((event) => JSON.stringify(event));

describe("streams of the standard, played by a runner", () => {
  const client = CLIENTS.find(({ version }) => version === "1.0.0");
  let server: Awaited<ReturnType<typeof listenTestServer>>;
  let sessions = 0;

  beforeAll(async () => {
    // clients say what they think of a stream, for each event of it
    for (const method of ["warn", "error"] as const)
      vi.spyOn(console, method).mockImplementation(() => {});
    server = await listenTestServer({ store: createMemoryLogStore() });
  });

  afterAll(() => server.dispose());

  async function follow(url: string, initialMessages: readonly unknown[] = []): Promise<Followed> {
    const followed = await client?.follow(url, { initialMessages });
    return JSON.parse(JSON.stringify(followed)) as Followed;
  }

  /** A session whose runner answers with the stream. */
  function sessionOf(the: Case): { session: SessionClient; url: string } {
    const session = new SessionClient(server, `s${++sessions}`);
    server.runner.script((exchange) => tell(exchange, linesOf(the)));
    return { session, url: `${server.origin}${session.path}/agui` };
  }

  it.each(ALL)("leave who connects later with what they amount to: $name", async (the) => {
    const { session, url } = sessionOf(the);
    await session.run(runBody("r1"));
    // it ends when no run is active, whichever run the last terminal names
    await (await session.post("/agui/connect", "{}")).text();
    for (const event of linesOf(the).filter((line) => !/"type":"RUN_/.test(line)))
      expect(await session.lines()).toContain(event);
    const expected = { messages: [ASKED, ...the.held.messages], state: the.held.state };
    for (const query of ["connect", "connect?view=snapshot", "run/connect"])
      expect(await follow(`${url}/${query}`), query).toEqual(expected);
  });

  it.each(ACCEPTED.filter(isWhole))(
    "leave who posts the run as one that is connected to the runner: $name",
    async (the) => {
      const { url } = sessionOf(the);
      const body = linesOf(the).map((line) => `data: ${line}\n\n`);
      const { messages, state } = await follow(addressOfStream(body.join("")));
      // what was asked stays, also where a snapshot of the run leaves it out (PROTOCOL 11.12)
      expect(await follow(`${url}/run`, [ASKED])).toEqual({
        messages: [ASKED, ...messages],
        state,
      });
    },
  );

  it.each([...REFUSED, ...KEPT].filter(isWhole))(
    "leave who posts the run with what is repaired of them: $name",
    async (the) => {
      const { url } = sessionOf(the);
      const { messages, state } = await follow(`${url}/run`, [ASKED]);
      const ids = messages.map(({ id }) => id);
      expect(ids.length).toBe(the.held.messages.length + 1);
      expect({ state, contents: messages.slice(1).map(({ content }) => content) }).toEqual({
        state: the.held.state,
        contents: the.held.messages.map(({ content }) => content),
      });
    },
  );
});
