import { describe, expect, it, onTestFinished } from "vitest";
import { expectProblem } from "../../contract/session-routes/harness.ts";
import { createClusterServer, EDITOR, VIEWER } from "../../support/cluster-server.ts";

const PATH = "/api/projects/p1/agentic-sessions";

describe("a fork in a cluster (PROTOCOL 20.4)", () => {
  it("is a session of who may make one, with the log under its uid", async () => {
    const server = await createClusterServer({});
    onTestFinished(() => server.dispose());
    const posted = await server.as(EDITOR, "POST", `${PATH}/s1/agui/run`, {
      runId: "r",
      messages: [{ id: "m", role: "user", content: "hi" }],
    });
    expect(posted.status).toBe(200);
    const linesOf = async (session: string): Promise<string[]> => {
      const url = `${PATH}/${session}/export?view=raw&format=ndjson`;
      return (await (await server.as(EDITOR, "GET", url)).text()).split("\n").slice(0, -1);
    };
    const page = await server.as(EDITOR, "GET", `${PATH}/s1/agui/events/page?limit=1&after=`);
    const { end: at } = (await page.json()) as { end: string };
    const refused = await server.as(VIEWER, "POST", `${PATH}/s1/fork`, { at });
    await expectProblem(refused, 403, /./);
    const made = await server.as(EDITOR, "POST", `${PATH}/s1/fork`, { at });
    const text = await made.text();
    expect(made.status, text).toBe(201);
    const { name, uid } = JSON.parse(text) as { name: string; uid: string };
    expect(await linesOf(name)).toEqual((await linesOf("s1")).slice(0, 1));
    const document = (await (await server.as(EDITOR, "GET", `${PATH}/${name}`)).json()) as {
      metadata: { uid: string; annotations: Record<string, string> };
    };
    expect(document.metadata.uid).toBe(uid);
    expect(document.metadata.annotations).toMatchObject({
      "vteam.ambient-code/forked-from": "s1",
      "vteam.ambient-code/forked-at": at,
    });
  });
});
