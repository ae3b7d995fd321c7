import { describe, expect, it, onTestFinished } from "vitest";
import { createKubernetes } from "../../../adapters/kubernetes/index.ts";
import { sessionPath } from "../../../adapters/kubernetes/resources.ts";
import { createMemoryLogStore } from "../../../adapters/memory/index.ts";
import { systemClock } from "../../../src/entry/system-clock.ts";
import { SessionClient } from "../../contract/session-routes/harness.ts";
import { waitFor } from "../../contract/wait-for.ts";
import { recorded } from "../../support/kubernetes/recorded.ts";
import { startStandIn } from "../../support/kubernetes/stand-in.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { createTestServer } from "../../support/test-server.ts";

const TOKEN = "jane-token";
/** Short enough for heartbeats to be read in between. */
const STEP_MS = 5_000;

/** A server before a stand-in for an API server, and a stream that Jane has opened. */
async function openStream() {
  const standIn = await startStandIn();
  standIn.users.set(TOKEN, { username: "jane", groups: [] });
  standIn.put(sessionPath({ project: "p1", session: "s1" }), { spec: {} });
  const clock = createManualClock();
  const logged: string[] = [];
  const log = (event: string): void => void logged.push(event);
  const logger = { info: log, warn: log, error: log };
  // requests to the stand-in take real time
  const { kubeconfig } = standIn;
  const cluster = createKubernetes({ clock: systemClock, logger, kubeconfig });
  const store = createMemoryLogStore();
  const server = await createTestServer({ store, platform: () => cluster, clock, logger });
  onTestFinished(async () => {
    await server.dispose();
    await cluster.platform.close();
    await standIn.close();
  });
  const headers = { Authorization: `Bearer ${TOKEN}` };
  const session = new SessionClient({
    ...server,
    fetch: (path, init) => server.fetch(path, { ...init, headers }),
  });
  const { response, sse } = await session.watch();
  expect(response.status).toBe(200);
  const over = sse.rest();

  /** Lets time pass until there are more of what `count` counts, and no step further. */
  async function passUntilMore(count: () => number, what: string): Promise<void> {
    const before = count();
    await waitFor(
      () => {
        if (count() > before) return true;
        clock.advance(STEP_MS);
        return false;
      },
      { what },
    );
  }

  return {
    standIn,
    server,
    over,
    passUntilMore,
    passUntilLogged: (event: string) =>
      passUntilMore(() => logged.filter((name) => name === event).length, event),
  };
}

/** How an API server refuses that has not read its rules, or cannot check tokens yet. */
const REFUSALS = [
  ["knows no rules", "access-denied"],
  ["knows no tokens", "unauthorized"],
] as const;

describe.each(REFUSALS)("while an API server %s", (_, answer) => {
  it("because it has just started, an open stream goes on", async () => {
    const { standIn, server, passUntilMore, passUntilLogged } = await openStream();
    for (let starts = 0; starts < 2; starts++) {
      standIn.fault = () => "reset";
      await passUntilLogged("stream-access-unknown");
      standIn.fault = ({ token }) => (token === TOKEN ? recorded(answer) : null);
      await passUntilLogged("stream-access-refused");
      standIn.fault = () => null;
      // the last thing that whoever watches is asked about
      const sightings = (): number =>
        standIn.requests.filter(({ path }) => path.endsWith("/agenticsessions/s1")).length;
      await passUntilMore(sightings, "the session to be looked for again");
    }
    expect(server.service.pacer.open).toBe(1);
  });

  it("and still does 5 s later, an open stream ends", async () => {
    const { standIn, over, passUntilLogged } = await openStream();
    standIn.fault = ({ token }) => (token === TOKEN ? recorded(answer) : null);
    await passUntilLogged("stream-access-refused");
    await passUntilLogged("stream-access-withdrawn");
    expect(await over).toEqual([]);
  });
});
