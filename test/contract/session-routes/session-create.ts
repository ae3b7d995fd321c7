import { describe, expect, it } from "vitest";
import { expectProblem, type FreshServer, runBody, SessionClient } from "./harness.ts";
import { ProjectClient } from "./project-client.ts";

const NAME = /^session-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const PARENT = "vteam.ambient-code/parent-session-id";
const ADA = { "X-Forwarded-User": "kube:ada", "X-Forwarded-Preferred-Username": "Ada" };
const BOB = { "X-Forwarded-User": "bob" };

/** Everything that a client can say, each with a member that nobody knows where there may be one. */
const EVERYTHING = {
  initialPrompt: "  Say «hello» 😀 ",
  displayName: "All of it",
  runnerType: "claude-agent-sdk",
  llmSettings: { model: "m", temperature: 0.1, maxTokens: 7, topP: 0.5 },
  timeout: 0,
  inactivityTimeout: 0,
  stopOnRunFinished: false,
  repos: [{ url: "https://example.com/r.git", branch: "b", autoPush: true, depth: 1 }],
  activeWorkflow: { gitUrl: "https://example.com/w.git", path: "p", ref: { x: 1 } },
  environmentVariables: { A: "1", RUNNER_TYPE: "mine", __proto__x: "2" },
  labels: { team: "blue" },
  annotations: { "example.com/note": "n" },
  mcpServers: { custom: { s: { url: "u" } }, disabled: ["d"], extra: true },
};

export function sessionCreateSuite(fresh: FreshServer): void {
  describe("a session is made (PROTOCOL 7.5)", () => {
    it(
      "under the name that its body gives, once",
      fresh(async (server) => {
        const project = new ProjectClient(server);
        const response = await project.send("POST", "", { body: { name: "my-session" } });
        expect(response.status).toBe(201);
        expect(await response.json()).toMatchObject({
          name: "my-session",
          autoBranch: "ambient/my-session",
        });
        const document = await project.get("my-session");
        expect(document).toMatchObject({ metadata: { name: "my-session" } });
        await expectProblem(
          await project.send("POST", "", { body: { name: "my-session", timeout: 1 } }),
          409,
          "There is a session of this name",
        );
        expect(await project.get("my-session")).toEqual(document);
        const session = new SessionClient(server, "my-session");
        expect(await session.run()).toEqual({ runId: "r", threadId: "my-session" });
      }),
    );

    it(
      "under a name of its own where the body gives none, and never under one that cannot be",
      fresh(async (server) => {
        const project = new ProjectClient(server);
        for (const name of ["", null]) {
          const made = await project.send("POST", "", { body: { name } });
          expect(await made.json()).toMatchObject({ name: expect.stringMatching(NAME) });
        }
        for (const name of ["..", "a/b", "ü", "a b", "a".repeat(129)])
          await expectProblem(
            await project.send("POST", "", { body: { name } }),
            400,
            /^Invalid session name/,
          );
        await expectProblem(
          await project.send("POST", "", { body: { name: 7 } }),
          400,
          "Invalid request body",
        );
      }),
    );

    it(
      "of an empty object, with the defaults",
      fresh(async (server) => {
        const project = new ProjectClient(server);
        const response = await project.send("POST", "", { body: {} });
        expect(response.status).toBe(201);
        const made = (await response.json()) as { name: string; uid: string };
        expect(made).toEqual({
          message: "Agentic session created successfully",
          name: expect.stringMatching(NAME),
          uid: expect.stringMatching(/./),
          autoBranch: `ambient/${made.name}`,
        });
        expect(await project.get(made.name)).toEqual({
          apiVersion: "vteam.ambient-code/v1alpha1",
          kind: "AgenticSession",
          metadata: {
            name: made.name,
            namespace: "p1",
            uid: made.uid,
            creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
          },
          spec: {
            displayName: "",
            llmSettings: { model: "claude-sonnet-4-6", temperature: 0.7, maxTokens: 4000 },
            timeout: 300,
            environmentVariables: { RUNNER_TYPE: "claude-agent-sdk" },
          },
          status: { phase: "Running" },
          autoBranch: `ambient/${made.name}`,
        });
      }),
    );

    it(
      "with everything that was said, unknown members of known objects included",
      fresh(async (server) => {
        const project = new ProjectClient(server);
        const body = {
          ...EVERYTHING,
          unknown: 1,
          userContext: { userId: "root", groups: ["admin"] },
        };
        const { metadata, spec } = await project.get(await project.create(body, ADA));
        expect(metadata).toMatchObject({
          labels: EVERYTHING.labels,
          annotations: EVERYTHING.annotations,
        });
        expect(spec).toEqual({
          displayName: "All of it",
          llmSettings: EVERYTHING.llmSettings,
          timeout: 0,
          initialPrompt: EVERYTHING.initialPrompt,
          inactivityTimeout: 0,
          stopOnRunFinished: false,
          userContext: { userId: "kube-ada", displayName: "Ada", groups: [] },
          environmentVariables: EVERYTHING.environmentVariables,
          repos: EVERYTHING.repos,
          activeWorkflow: { ...EVERYTHING.activeWorkflow, branch: "main" },
          mcpServers: EVERYTHING.mcpServers,
        });
      }),
    );

    it(
      "as if what is null, blank, 0 or empty had not been given, where there is a default",
      fresh(async (server) => {
        const project = new ProjectClient(server);
        const nulls = Object.fromEntries(Object.keys(EVERYTHING).map((key) => [key, null]));
        const blanks = {
          initialPrompt: " \n\t",
          runnerType: "",
          llmSettings: { model: "", temperature: 0, maxTokens: 0 },
          parent_session_id: "",
          repos: [],
          environmentVariables: {},
          annotations: {},
          mcpServers: { custom: {}, disabled: [] },
          sdkOptions: { unknown: 1 },
        };
        const { spec } = await project.get(await project.create());
        for (const body of [nulls, blanks]) {
          const document = await project.get(await project.create(body));
          expect(document.spec).toEqual(spec);
          expect(document.metadata).not.toHaveProperty("annotations");
        }
      }),
    );

    describeOwner(fresh);
    describeSdkOptions(fresh);
    describeRefusals(fresh);

    it(
      "and is found by its name, display name and prompt, in any case",
      fresh(async (server) => {
        const project = new ProjectClient(server);
        const first = await project.create({
          displayName: "Grün wie Gras",
          initialPrompt: "ALPHA",
        });
        const second = await project.create({ displayName: "beta", initialPrompt: "gamma ray" });
        await new ProjectClient(server, "p2").create({ displayName: "beta" });
        expect(new Set(await project.names())).toEqual(new Set([first, second]));
        expect(await project.names("?search=grün")).toEqual([first]);
        expect(await project.names("?search=alpha")).toEqual([first]);
        expect(await project.names("?search=BETA")).toEqual([second]);
        expect(await project.names("?search=gamma%20r")).toEqual([second]);
        expect(await project.names(`?search=${first.slice(0, 20).toUpperCase()}`)).toEqual([first]);
        expect(await project.names("?search=delta")).toEqual([]);
        await project.send("PUT", `${second}/displayname`, { body: { displayName: "Delta" } });
        expect(await project.names("?search=delta")).toEqual([second]);
        expect(await project.names("?search=beta")).toEqual([]);
      }),
    );

    it(
      "without events, and takes runs like any other",
      fresh(async (server) => {
        const name = await new ProjectClient(server).create();
        const session = new SessionClient(server, name);
        expect(await session.lines()).toEqual([]);
        expect(await (await session.get("/export")).json()).toMatchObject({ aguiEvents: [] });
        expect(await session.run(runBody())).toEqual({ runId: "r", threadId: name });
        const lines = await session.settled();
        expect(JSON.parse(lines[0] ?? "")).toMatchObject({ type: "MESSAGES_SNAPSHOT" });
        const { status, metadata } = await new ProjectClient(server).get(name);
        expect(status).toEqual({ phase: "Running", agentStatus: "idle" });
        expect(metadata.name).toBe(name);
      }),
    );
  });
}

function describeOwner(fresh: FreshServer): void {
  it(
    "for its caller, or for nobody, whatever the request says",
    fresh(async (server) => {
      const project = new ProjectClient(server);
      const body = { userContext: { userId: "root", displayName: "Root", groups: ["admin"] } };
      const { spec } = await project.get(await project.create(body));
      expect(spec).not.toHaveProperty("userContext");
      const known = await project.get(await project.create(body, BOB));
      expect(known.spec["userContext"]).toEqual({ userId: "bob", displayName: "bob", groups: [] });
    }),
  );

  it(
    "as the continuation of another, for whom that one is",
    fresh(async (server) => {
      const project = new ProjectClient(server);
      const parent = await project.create({}, ADA);
      const { metadata, spec } = await project.get(
        await project.create(
          { parent_session_id: parent, environmentVariables: { PARENT_SESSION_ID: "x", B: "2" } },
          BOB,
        ),
      );
      expect(metadata.annotations).toEqual({ [PARENT]: parent });
      expect(spec["userContext"]).toMatchObject({ userId: "kube-ada" });
      expect(spec["environmentVariables"]).toEqual({
        RUNNER_TYPE: "claude-agent-sdk",
        PARENT_SESSION_ID: parent,
        B: "2",
      });
    }),
  );

  it.each(["nobody", "../../etc", "A.B", "x".repeat(64)])(
    "as the continuation of %j, which cannot be read, for its caller",
    (parent) =>
      fresh(async (server) => {
        const project = new ProjectClient(server);
        await new ProjectClient(server, "p2").create({}, ADA);
        const { metadata, spec } = await project.get(
          await project.create({ parent_session_id: parent }, BOB),
        );
        expect(metadata.annotations).toEqual({ [PARENT]: parent });
        expect(spec["userContext"]).toMatchObject({ userId: "bob" });
        expect(spec["environmentVariables"]).toMatchObject({ PARENT_SESSION_ID: parent });
      })(),
  );
}

/** One good value for each option; those with several types have one each. */
const OPTIONS: readonly (readonly [string, unknown])[] = [
  ["system_prompt", "text"],
  ["system_prompt", { type: "preset", append: "x" }],
  ["permission_mode", "plan"],
  ["effort", "high"],
  ["user", "u"],
  ["max_turns", 3],
  ["max_budget_usd", 0.5],
  ["max_buffer_size", 1e6],
  ["include_partial_messages", false],
  ["enable_file_checkpointing", true],
  ["allowed_tools", ["Read"]],
  ["disallowed_tools", []],
  ["betas", ["b"]],
  ["plugins", [{ type: "local" }]],
  ...[
    "thinking",
    "tools",
    "sandbox",
    "output_format",
    "hooks",
    "agents",
    "env",
    "extra_args",
  ].flatMap((key) =>
    ["text", 1, true, [1], { a: 1 }].map((value): [string, unknown] => [key, value]),
  ),
];

function describeSdkOptions(fresh: FreshServer): void {
  it(
    "with the SDK's options that it may have, and no others",
    fresh(async (server) => {
      const project = new ProjectClient(server);
      for (const [key, value] of OPTIONS)
        for (const given of [value, null]) {
          const sdkOptions = { cwd: "/etc", [key]: given, constructor: 1 };
          const name = await project.create({
            sdkOptions,
            environmentVariables: { SDK_OPTIONS: "x" },
          });
          const { spec } = await project.get(name);
          const { SDK_OPTIONS } = spec["environmentVariables"] as { SDK_OPTIONS: string };
          expect(JSON.parse(SDK_OPTIONS)).toEqual({ [key]: given });
        }
    }),
  );

  it.each([
    ["max_turns", "3", "a number, got string"],
    ["max_budget_usd", {}, "a number, got object"],
    ["permission_mode", 1, "a string, got number"],
    ["user", true, "a string, got boolean"],
    ["include_partial_messages", "true", "a boolean, got string"],
    ["allowed_tools", "Read", "an array, got string"],
    ["plugins", {}, "an array, got object"],
    ["system_prompt", ["x"], "a string or object, got array"],
  ])("not with the SDK's option %s being %j", (key, value, text) =>
    fresh(async (server) => {
      const project = new ProjectClient(server);
      const response = await project.send("POST", "", { body: { sdkOptions: { [key]: value } } });
      await expectProblem(response, 400, `sdkOptions.${key} must be ${text}`);
      expect(await project.names()).toEqual([]);
    })(),
  );
}

function describeRefusals(fresh: FreshServer): void {
  it.each([
    "",
    "{",
    "[]",
    "null",
    '"text"',
    "{} {}",
    `{"repos":[${'{"a":'.repeat(5000)}1${"}".repeat(5000)}]}`,
    '{"initialPrompt":1}',
    '{"displayName":["x"]}',
    '{"runnerType":{}}',
    '{"llmSettings":[]}',
    '{"llmSettings":{"model":1}}',
    '{"llmSettings":{"temperature":"0.7"}}',
    '{"llmSettings":{"maxTokens":1.5}}',
    '{"timeout":"300"}',
    '{"timeout":1e400}',
    '{"inactivityTimeout":0.5}',
    '{"stopOnRunFinished":"yes"}',
    '{"parent_session_id":7}',
    '{"repos":{}}',
    '{"repos":["https://example.com"]}',
    '{"repos":[{"url":1}]}',
    '{"activeWorkflow":"w"}',
    '{"activeWorkflow":{"branch":1}}',
    '{"environmentVariables":{"A":1}}',
    '{"environmentVariables":["A"]}',
    '{"labels":{"a":null}}',
    '{"annotations":{"a":{}}}',
    '{"mcpServers":[{"name":"x"}]}',
    '{"mcpServers":{"disabled":[1]}}',
    '{"sdkOptions":[]}',
  ])("not of the body %.60j", (body) =>
    fresh(async (server) => {
      const project = new ProjectClient(server);
      const response = await project.send("POST", "", { body });
      await expectProblem(response, 400, "Invalid request body");
      expect(await project.names()).toEqual([]);
    })(),
  );

  it(
    "not with a negative inactivityTimeout, nor for a runner that is not there",
    fresh(async (server) => {
      const project = new ProjectClient(server);
      const negative = await project.send("POST", "", { body: { inactivityTimeout: -1 } });
      await expectProblem(negative, 400, "inactivityTimeout must be >= 0");
      const runner = await project.send("POST", "", { body: { runnerType: "other" } });
      const text = "Runner type 'other' is not enabled. Contact your platform administrator.";
      await expectProblem(runner, 400, text);
      expect(await project.names()).toEqual([]);
    }),
  );

  it(
    "not of too much, nor of what is not JSON, nor in a project with a wrong name",
    fresh(async (server) => {
      const project = new ProjectClient(server);
      const long = { initialPrompt: "x".repeat(1024 * 1024) };
      const tooLong = await project.send("POST", "", { body: long });
      await expectProblem(tooLong, 413, "Request body too large");
      const prompt = { initialPrompt: "x".repeat(300 * 1024) };
      const tooLarge = await project.send("POST", "", { body: prompt });
      await expectProblem(tooLarge, 413, "A document holds at most 256 KiB");
      const headers = { "Content-Type": "text/plain" };
      const form = await project.send("POST", "", { body: "{}", headers });
      await expectProblem(form, 415, /application\/json/);
      expect(await project.names()).toEqual([]);
      const wrong = await new ProjectClient(server, "P1").send("POST", "", { body: {} });
      await expectProblem(wrong, 400, "Invalid project name format");
    }),
  );
}
