import { describe, expect, it } from "vitest";
import { createDiskLogStore } from "../../adapters/disk/index.ts";
import { finishedEvent, SessionClient } from "../contract/session-routes/harness.ts";
import { ProjectClient } from "../contract/session-routes/project-client.ts";
import { createTempDir } from "../support/temp-dir.ts";
import { createTestServer } from "../support/test-server.ts";

/** Gives each of several servers in turn, on the same directory, to its step. */
async function inTurn(
  ...steps: ((server: Awaited<ReturnType<typeof createTestServer>>) => Promise<void>)[]
): Promise<void> {
  const dir = await createTempDir();
  try {
    for (const step of steps) {
      const server = await createTestServer({ store: createDiskLogStore({ dir: dir.path }) });
      try {
        await step(server);
      } finally {
        await server.dispose();
      }
    }
  } finally {
    await dir.remove();
  }
}

describe("over a restart on disk", () => {
  it("the documents of sessions stay as they were, and are found by what is in them", async () => {
    let name = "";
    let before: unknown;
    await inTurn(
      async (server) => {
        const project = new ProjectClient(server);
        name = await project.create({ initialPrompt: "ünï 😀", labels: { team: "blue" } });
        await project.create({ displayName: "other" });
        await project.send("PUT", `${name}/displayname`, { body: { displayName: "Named later" } });
        await project.send("PATCH", name, { body: { metadata: { annotations: { a: "1" } } } });
        await project.send("POST", `${name}/stop`);
        before = await project.get(name);
      },
      async (server) => {
        const project = new ProjectClient(server);
        expect(await project.get(name)).toEqual(before);
        expect(await project.names("?search=named")).toEqual([name]);
        expect(await project.names()).toHaveLength(2);
        await project.send("POST", `${name}/start`);
        await new SessionClient(server, name).play([finishedEvent()]);
      },
      async (server) => {
        const project = new ProjectClient(server);
        const { metadata, spec, status } = await project.get(name);
        expect({ metadata, spec }).toMatchObject({
          metadata: { labels: { team: "blue" }, annotations: { a: "1" } },
          spec: { displayName: "Named later", initialPrompt: "ünï 😀" },
        });
        expect(status).toEqual({ phase: "Running", agentStatus: "idle" });
        expect(await new SessionClient(server, name).lines()).toHaveLength(2);
      },
    );
  });

  it("a deleted session stays away, with everything that it had", async () => {
    await inTurn(
      async (server) => {
        await new SessionClient(server).play([finishedEvent()]);
        const project = new ProjectClient(server);
        await project.send("PUT", "s1/displayname", { body: { displayName: "gone" } });
        expect((await project.send("DELETE", "s1")).status).toBe(204);
      },
      async (server) => {
        const project = new ProjectClient(server);
        expect(await project.names()).toEqual([]);
        await new SessionClient(server).play([finishedEvent()]);
        expect((await project.get("s1")).spec["displayName"]).toBe("");
        expect(await new SessionClient(server).lines()).toHaveLength(2);
      },
    );
  });
});
