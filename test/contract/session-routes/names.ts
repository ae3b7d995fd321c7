import { describe, expect, it } from "vitest";
import { waitFor } from "../wait-for.ts";
import {
  expectProblem,
  finishedEvent,
  type FreshServer,
  runBody,
  SessionClient,
  startedEvent,
} from "./harness.ts";
import { ProjectClient } from "./project-client.ts";

const LONG = "Thread.".repeat(18);
/** As clients name their threads; some differ in case or in a sign alone. */
const NAMES = [
  "A001",
  "a001",
  "thread_abc",
  "thread-abc",
  "V1StGXR8_Z5jdHi6B-myT",
  "01ARZ3NDEKTSV4RRFFQ69G5FAV",
  "user@example.com:1~2",
  "...",
  "-",
  LONG,
  LONG.toLowerCase(),
  "x".repeat(64),
  "X".repeat(128),
];
const BAD = ["a".repeat(129), "a%2Fb", "a%20b", "%00", "a%00b", "%C3%BC", "a%252e", "a+b", "a%0ab"];

/** Sessions without a cluster are named as their clients name threads. */
export function namesSuite(fresh: FreshServer): void {
  describe("names of sessions (PROTOCOL 1.4)", () => {
    it(
      "are ids of threads as they are: each has a log of its own, and lists and documents show it",
      fresh(async (server) => {
        const project = new ProjectClient(server);
        for (const name of NAMES) {
          const session = new SessionClient(server, name);
          const events = [startedEvent(), `{"type":"CUSTOM","name":"of","value":"${name}"}`];
          await session.play([...events, finishedEvent()]);
        }
        expect((await project.names("?limit=100")).toSorted()).toEqual(NAMES.toSorted());
        for (const name of NAMES) {
          const lines = await new SessionClient(server, name).lines();
          expect(lines.filter((line) => line.includes('"of"'))).toEqual([
            `{"type":"CUSTOM","name":"of","value":"${name}"}`,
          ]);
          const document = await project.get(name);
          expect(document).toMatchObject({
            kind: "AgenticSession",
            metadata: { name, namespace: "p1" },
            spec: { displayName: "", timeout: 0 },
            status: { phase: "Running" },
          });
        }
        const asked = server.runner.requests.map(
          ({ body }) => JSON.parse(new TextDecoder().decode(body)) as { threadId: string },
        );
        expect(asked.map(({ threadId }) => threadId)).toEqual(NAMES);
      }),
    );

    it(
      "are percent-decoded once, and named so in runs, streams and exports",
      fresh(async (server) => {
        const name = "user@example.com:1~2";
        const encoded = new SessionClient(server, "user%40example.com%3A1%7e2");
        const listened: string[] = [];
        server.runner.script(
          async (exchange) => {
            listened.push(exchange.request.path);
            await exchange.answer(404);
            await exchange.end();
          },
          `events/${encodeURIComponent(name)}`,
        );
        server.runner.script(async (exchange) => {
          await exchange.answer(200, { "Content-Type": "text/event-stream" });
          await exchange.end();
        });
        expect(await encoded.run()).toEqual({ runId: "r", threadId: name });
        await encoded.settled();
        await waitFor(() => listened.length > 0, { what: "the server to ask for the thread" });
        const connected = await encoded.post("/agui/connect", "{}");
        expect(connected.status).toBe(200);
        await connected.body?.cancel();
        const exported = await encoded.get("/export");
        expect(exported.headers.get("content-disposition")).toContain(`"${name}-export.json"`);
        expect(await exported.json()).toMatchObject({ sessionId: name, projectName: "p1" });
        expect(await new ProjectClient(server).names()).toEqual([name]);
      }),
    );

    it(
      "are found, sorted and paged as they are",
      fresh(async (server) => {
        const project = new ProjectClient(server);
        for (const name of NAMES) await project.create({ name });
        expect(await project.names(`?search=${LONG.slice(0, 20)}`)).toHaveLength(2);
        expect(await project.names("?search=STGXR8_z5")).toEqual(["V1StGXR8_Z5jdHi6B-myT"]);
        const all = await project.names("?limit=100");
        const documents = await Promise.all(all.map((name) => project.get(name)));
        const sorted = documents
          .map(({ metadata }) => metadata)
          .toSorted(
            (a, b) =>
              Date.parse(b.creationTimestamp) - Date.parse(a.creationTimestamp) ||
              (a.name < b.name ? -1 : 1),
          );
        expect(all).toEqual(sorted.map(({ name }) => name));
        const paged: string[] = [];
        for (let offset = 0; offset < NAMES.length; offset += 4)
          paged.push(...(await project.names(`?limit=4&offset=${offset}`)));
        expect(paged).toEqual(all);
      }),
    );

    it(
      "are changed and deleted by themselves",
      fresh(async (server) => {
        const project = new ProjectClient(server);
        for (const name of NAMES) {
          await project.create({ name, displayName: "before" });
          const repeated = await project.send("POST", "", { body: { name } });
          await expectProblem(repeated, 409, "There is a session of this name");
        }
        for (const name of NAMES)
          await project.send("PUT", `${name}/displayname`, {
            body: { displayName: name.slice(-9) },
          });
        for (const name of NAMES)
          expect(await project.get(name)).toMatchObject({
            metadata: { name },
            spec: { displayName: name.slice(-9) },
          });
        for (const name of NAMES.slice(1))
          expect((await project.send("DELETE", name)).status).toBe(204);
        expect(await project.names()).toEqual(["A001"]);
      }),
    );

    it(
      "are refused beyond the rule, before anything is touched",
      fresh(async (server) => {
        const project = new ProjectClient(server);
        for (const name of BAD) {
          for (const path of ["", "/agui/events", "/export"])
            await expectProblem(
              await project.send("GET", `${name}${path}`),
              400,
              "Invalid session name",
            );
          const session = new SessionClient(server, name);
          await expectProblem(
            await session.post("/agui/run", runBody()),
            400,
            "Invalid session name",
          );
        }
        for (const name of [".", "..", "a".repeat(129), "a/b", "ü", "a b", "a\u0000"])
          await expectProblem(
            await project.send("POST", "", { body: { name } }),
            400,
            "Invalid session name",
          );
        expect(await project.names()).toEqual([]);
        expect(server.runner.requests).toEqual([]);
      }),
    );
  });
}
