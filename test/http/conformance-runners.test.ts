import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { runBody, SessionClient, tell } from "../contract/session-routes/harness.ts";
import { RETIRED_REASONING } from "../oracle/conformance/agents.ts";
import {
  ACCEPTED,
  ASKED,
  bodyOf,
  follow,
  hushClients,
  isWhole,
  linesOf,
  REFUSED,
} from "../oracle/conformance/cases.ts";
import { NARROWING_SNAPSHOT } from "../oracle/conformance/state.ts";
import type { Case } from "../oracle/conformance/stream.ts";
import { addressOfStream } from "../support/agui-clients.ts";
import { listenTestServer } from "../support/test-server.ts";

const KEPT: readonly Case[] = [
  RETIRED_REASONING,
  { ...NARROWING_SNAPSHOT, held: NARROWING_SNAPSHOT.kept },
];
const ALL = [...ACCEPTED, ...REFUSED, ...KEPT];

describe("streams of the standard, played by a runner", () => {
  let server: Awaited<ReturnType<typeof listenTestServer>>;
  let sessions = 0;

  beforeAll(async () => {
    hushClients();
    server = await listenTestServer({ store: createMemoryLogStore() });
  });

  afterAll(() => server.dispose());

  /** A session whose runner answers with the stream. */
  function sessionOf(the: Case): { session: SessionClient; url: string } {
    const session = new SessionClient(server, `s${++sessions}`);
    server.runner.script((exchange) => tell(exchange, linesOf(the.stream)));
    return { session, url: `${server.origin}${session.path}/agui` };
  }

  it.each(ALL)("leave who connects later with what they amount to: $name", async (the) => {
    const { session, url } = sessionOf(the);
    await session.run(runBody("r1"));
    // it ends when no run is active, whichever run the last terminal names
    await (await session.post("/agui/connect", "{}")).text();
    for (const event of linesOf(the.stream).filter((line) => !/"type":"RUN_/.test(line)))
      expect(await session.lines()).toContain(event);
    const expected = { messages: [ASKED, ...the.held.messages], state: the.held.state };
    for (const query of ["connect", "connect?view=snapshot", "run/connect"])
      expect(await follow("1.0.0", `${url}/${query}`), query).toEqual(expected);
  });

  it.each(ACCEPTED.filter(isWhole))(
    "leave who posts the run as one that is connected to the runner: $name",
    async (the) => {
      const { url } = sessionOf(the);
      const { messages, state } = await follow("1.0.0", addressOfStream(bodyOf(the.stream)));
      // what was asked stays, also where a snapshot of the run leaves it out (PROTOCOL 11.12)
      expect(await follow("1.0.0", `${url}/run`, [ASKED])).toEqual({
        messages: [ASKED, ...messages],
        state,
      });
    },
  );

  it.each([...REFUSED, ...KEPT].filter(isWhole))(
    "leave who posts the run with what is repaired of them: $name",
    async (the) => {
      const { url } = sessionOf(the);
      const { messages, state } = await follow("1.0.0", `${url}/run`, [ASKED]);
      const ids = messages.map(({ id }) => id);
      expect(ids.length).toBe(the.held.messages.length + 1);
      expect({ state, contents: messages.slice(1).map(({ content }) => content) }).toEqual({
        state: the.held.state,
        contents: the.held.messages.map(({ content }) => content),
      });
    },
  );
});
