import { describe, expect, it } from "vitest";
import { expectProblem, finishedEvent, type FreshServer, SessionClient } from "./harness.ts";
import { expectDocument, ProjectClient } from "./project-client.ts";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const PARENT = "vteam.ambient-code/parent-session-id";
const PHASE = "ambient-code.io/desired-phase";

/** Each route that changes a session, with a body that it takes. */
const ROUTES: readonly (readonly [string, string, unknown])[] = [
  ["PATCH", "", { metadata: { annotations: { a: "1" } } }],
  ["PUT", "", { mcpServers: {} }],
  ["PUT", "/displayname", { displayName: "name" }],
  ["POST", "/start", undefined],
  ["POST", "/stop", undefined],
  ["DELETE", "", undefined],
];

export function sessionWritesSuite(fresh: FreshServer): void {
  describe("a session is changed (PROTOCOL 7.6-7.9)", () => {
    it.each(ROUTES)("not by %s …%s if there is none, and that makes none", (method, path, body) =>
      fresh(async (server) => {
        const project = new ProjectClient(server);
        const response = await project.send(method, `nobody${path}`, { body });
        await expectProblem(response, 404, "Session not found");
        expect(await project.names()).toEqual([]);
      })(),
    );

    it.each(ROUTES)("not by %s …%s under a name outside the rule", (method, path, body) =>
      fresh(async (server) => {
        for (const name of ["a+b", "a%00b", "a%2Fb", "x".repeat(129)]) {
          const project = new ProjectClient(server);
          const response = await project.send(method, `${name}${path}`, { body });
          await expectProblem(response, 400, "Invalid session name");
        }
      })(),
    );

    it.each(ROUTES)("by %s …%s also if nothing but its log is there", (method, path, body) =>
      fresh(async (server) => {
        const project = new ProjectClient(server);
        const session = new SessionClient(server);
        const lines = await session.play([finishedEvent()]);
        const before = await project.get("s1");
        const response = await project.send(method, `s1${path}`, { body });
        expect(response.status).toBeLessThan(300);
        await response.body?.cancel();
        if (method === "DELETE") return;
        expect(await session.lines()).toEqual(lines);
        const { metadata } = await project.get("s1");
        expect(metadata).toMatchObject(before.metadata);
      })(),
    );

    describeAnnotations(fresh);
    describeSpec(fresh);
    describeDisplayName(fresh);
    describePhase(fresh);
  });
}

function describeAnnotations(fresh: FreshServer): void {
  it(
    "by PATCH, which sets annotations and removes those that are null",
    fresh(async (server) => {
      const project = new ProjectClient(server);
      const name = await project.create({ annotations: { a: "1", b: "2" } });
      const patch = (annotations: unknown) =>
        project.send("PATCH", name, { body: { metadata: { annotations } } });
      const response = await patch({ a: null, c: "3", none: null, __proto__x: "4" });
      expect(response.status).toBe(200);
      const annotations = { b: "2", c: "3", __proto__x: "4" };
      expect(await response.json()).toEqual({
        message: "Session patched successfully",
        annotations,
      });
      expect((await project.get(name)).metadata.annotations).toEqual(annotations);
      // JSON that names a prototype means nothing but a key
      const body = '{"metadata":{"annotations":{"__proto__":"5"}}}';
      await project.send("PATCH", name, { body });
      const stored = (await project.get(name)).metadata.annotations ?? {};
      expect(Object.getOwnPropertyDescriptor(stored, "__proto__")?.value).toBe("5");
    }),
  );

  it(
    "by many PATCHes at once, of which none is lost",
    fresh(async (server) => {
      const project = new ProjectClient(server);
      const name = await project.create();
      const keys = Array.from({ length: 20 }, (_, i) => `key-${i}`);
      await Promise.all(
        keys.map((key) =>
          project.send("PATCH", name, { body: { metadata: { annotations: { [key]: "1" } } } }),
        ),
      );
      const { annotations = {} } = (await project.get(name)).metadata;
      expect(Object.keys(annotations).toSorted()).toEqual(keys.toSorted());
    }),
  );

  it.each([
    "{",
    "{}",
    "[]",
    '{"metadata":null}',
    '{"metadata":{}}',
    '{"metadata":{"annotations":[]}}',
    '{"metadata":{"annotations":{"a":1}}}',
    '{"metadata":{"annotations":{"a":"1"},"labels":{"a":"1"}}}',
    '{"metadata":{"annotations":{"a":"1"}},"spec":{}}',
  ])("not by PATCH of %j", (body) =>
    fresh(async (server) => {
      const project = new ProjectClient(server);
      const name = await project.create();
      const before = await project.get(name);
      const response = await project.send("PATCH", name, { body });
      await expectProblem(response, 400, "Invalid request body");
      expect(await project.get(name)).toEqual(before);
    })(),
  );

  it.each([PHASE, "ambient-code.io/"])("not by PATCH of the reserved annotation %s", (key) =>
    fresh(async (server) => {
      const project = new ProjectClient(server);
      const name = await project.create();
      for (const value of ["Stopped", null]) {
        const body = { metadata: { annotations: { a: "1", [key]: value } } };
        const response = await project.send("PATCH", name, { body });
        await expectProblem(response, 400, `Reserved annotation: ${key}`);
      }
      expect((await project.get(name)).metadata).not.toHaveProperty("annotations");
    })(),
  );
}

function describeSpec(fresh: FreshServer): void {
  it(
    "by PUT once it is stopped; llmSettings is replaced as a whole",
    fresh(async (server) => {
      const project = new ProjectClient(server);
      const name = await project.create({
        displayName: "before",
        llmSettings: { model: "m", temperature: 0.5, maxTokens: 5, topP: 1 },
      });
      await project.send("POST", `${name}/stop`);
      const { spec } = await project.get(name);
      const change = {
        initialPrompt: "another",
        displayName: "after",
        timeout: 7,
        llmSettings: { model: "n", seed: 4, temperature: null },
        mcpServers: { custom: { s: { url: "u" } }, extra: 1 },
      };
      const body = { ...change, repos: [], unknown: 1 };
      const document = await expectDocument(await project.send("PUT", name, { body }), 200);
      const settings = { model: "n", temperature: 0, maxTokens: 0, seed: 4 };
      expect(document.spec).toEqual({ ...spec, ...change, llmSettings: settings });
      expect(await project.get(name)).toEqual(document);

      const only = await project.send("PUT", name, { body: { timeout: 8, displayName: null } });
      expect((await expectDocument(only, 200)).spec).toEqual({ ...document.spec, timeout: 8 });
    }),
  );

  it(
    "by PUT while it runs only in its MCP servers; empty ones are removed",
    fresh(async (server) => {
      const project = new ProjectClient(server);
      const name = await project.create();
      const before = await project.get(name);
      const mcpServers = { custom: { s: { url: "u" } }, disabled: ["d"] };
      const put = (body: unknown) => project.send("PUT", name, { body });
      const set = await expectDocument(await put({ mcpServers, timeout: null }), 200);
      expect(set.spec).toEqual({ ...before.spec, mcpServers });
      for (const body of [{}, { displayName: "x" }, { mcpServers, timeout: 1 }, { unknown: 1 }]) {
        const text = "Cannot modify session specification while the session is running";
        const problem = await expectProblem(await put(body), 409, text);
        expect(problem["phase"]).toBe("Running");
      }
      expect(await project.get(name)).toEqual(set);
      for (const empty of [{}, { custom: {} }, { custom: {}, disabled: [] }]) {
        await put({ mcpServers });
        const removed = await expectDocument(await put({ mcpServers: empty }), 200);
        expect(removed.spec).toEqual(before.spec);
      }
    }),
  );

  it.each([
    "{",
    "7",
    '{"initialPrompt":{}}',
    '{"displayName":7}',
    '{"timeout":"7"}',
    '{"llmSettings":{"temperature":"warm"}}',
    '{"mcpServers":[]}',
    '{"mcpServers":{"custom":[]}}',
  ])("not by PUT of %j", (body) =>
    fresh(async (server) => {
      const project = new ProjectClient(server);
      const name = await project.create();
      await project.send("POST", `${name}/stop`);
      const before = await project.get(name);
      const response = await project.send("PUT", name, { body });
      await expectProblem(response, 400, "Invalid request body");
      expect(await project.get(name)).toEqual(before);
    })(),
  );

  it(
    "not by PUT to more than a document holds",
    fresh(async (server) => {
      const project = new ProjectClient(server);
      const name = await project.create();
      const mcpServers = { custom: { s: "x".repeat(300 * 1024) } };
      const response = await project.send("PUT", name, { body: { mcpServers } });
      await expectProblem(response, 413, "A document holds at most 256 KiB");
      expect((await project.get(name)).spec).not.toHaveProperty("mcpServers");
    }),
  );
}

function describeDisplayName(fresh: FreshServer): void {
  it(
    "in its display name, also while it runs, up to 50 characters of any kind",
    fresh(async (server) => {
      const project = new ProjectClient(server);
      const name = await project.create();
      const before = await project.get(name);
      for (const displayName of ["x", " Ünï 名前 ", "x".repeat(50), "😀".repeat(50)]) {
        const response = await project.send("PUT", `${name}/displayname`, {
          body: { displayName },
        });
        const document = await expectDocument(response, 200);
        expect(document).toEqual({ ...before, spec: { ...before.spec, displayName } });
        expect(await project.get(name)).toEqual(document);
      }
    }),
  );

  it.each([
    ["{}", "display name cannot be empty"],
    ['{"displayName":null}', "display name cannot be empty"],
    ['{"displayName":" \\n\\t "}', "display name cannot be empty"],
    [`{"displayName":"${"x".repeat(51)}"}`, "display name cannot exceed 50 characters"],
    [`{"displayName":"${"😀".repeat(51)}"}`, "display name cannot exceed 50 characters"],
    ['{"displayName":"a\\u0000b"}', "display name contains invalid characters"],
    ['{"displayName":"a\\nb"}', "display name contains invalid characters"],
    ['{"displayName":"a\\u0085b"}', "display name contains invalid characters"],
    ['{"displayName":7}', "Invalid request body"],
    ["{", "Invalid request body"],
  ])("not in its display name by %j", (body, text) =>
    fresh(async (server) => {
      const project = new ProjectClient(server);
      const name = await project.create({ displayName: "before" });
      const response = await project.send("PUT", `${name}/displayname`, { body });
      await expectProblem(response, 400, text);
      expect((await project.get(name)).spec["displayName"]).toBe("before");
    })(),
  );
}

function describePhase(fresh: FreshServer): void {
  it(
    "by stop and start, which ask for a phase and say when",
    fresh(async (server) => {
      const project = new ProjectClient(server);
      const name = await project.create({ annotations: { a: "1" } });
      const stop = await project.send("POST", `${name}/stop`);
      const stopped = await expectDocument(stop, 202);
      expect(stopped.status.phase).toBe("Stopped");
      expect(stopped.metadata.annotations).toEqual({
        a: "1",
        [PHASE]: "Stopped",
        "ambient-code.io/stop-requested-at": expect.stringMatching(TIME),
      });
      expect(await project.get(name)).toEqual(stopped);
      const started = await expectDocument(await project.send("POST", `${name}/start`), 202);
      expect(started.status.phase).toBe("Running");
      expect(started.metadata.annotations).toEqual({
        ...stopped.metadata.annotations,
        [PHASE]: "Running",
        "ambient-code.io/start-requested-at": expect.stringMatching(TIME),
      });
      expect(await project.get(name)).toEqual(started);
      // asking again is no error
      for (const path of ["start", "stop", "stop"])
        expect((await project.send("POST", `${name}/${path}`)).status).toBe(202);
    }),
  );

  it(
    "by start, which takes away a parent that is the session itself, and no other",
    fresh(async (server) => {
      const project = new ProjectClient(server);
      const name = await project.create();
      for (const [parent, isKept] of [
        [name, false],
        [`${name}x`, true],
      ] as const) {
        await project.send("PATCH", name, {
          body: { metadata: { annotations: { [PARENT]: parent } } },
        });
        const response = await project.send("POST", `${name}/start`);
        const { annotations } = (await expectDocument(response, 202)).metadata;
        expect(PARENT in (annotations ?? {})).toBe(isKept);
      }
    }),
  );

  it(
    "by stop and start with any JSON in the body, and with nothing else there",
    fresh(async (server) => {
      const project = new ProjectClient(server);
      const name = await project.create();
      for (const path of ["stop", "start"]) {
        const send = (body: string, type = "application/json") =>
          project.send("POST", `${name}/${path}`, { body, headers: { "Content-Type": type } });
        for (const body of ["{}", '{"reason":"x"}']) expect((await send(body)).status).toBe(202);
        await expectProblem(await send("{}", "text/plain"), 415, /application\/json/);
        await expectProblem(await send(" ".repeat(65 * 1024)), 413, "Request body too large");
      }
    }),
  );

  it(
    "by stop, and says then no more what its agent is doing",
    fresh(async (server) => {
      const project = new ProjectClient(server);
      await new SessionClient(server).play([finishedEvent()]);
      const stopped = await expectDocument(await project.send("POST", "s1/stop"), 202);
      expect(stopped.status).toEqual({ phase: "Stopped" });
      const started = await expectDocument(await project.send("POST", "s1/start"), 202);
      expect(started.status).toEqual({ phase: "Running", agentStatus: "idle" });
    }),
  );
}
