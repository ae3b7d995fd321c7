import { describe, expect, it, onTestFinished } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { createRetention, type RetentionPass } from "../../src/core/retention/retention.ts";
import { parseRetention } from "../../src/core/retention/policy.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import { utf8 } from "../contract/bytes.ts";
import {
  finishedEvent,
  openRunner,
  SessionClient,
  startedEvent,
  tell,
} from "../contract/session-routes/harness.ts";
import { archivingStore } from "../support/archiving.ts";
import { createRecordingAudit } from "../support/recording-audit.ts";
import { createTestServer } from "../support/test-server.ts";
import { waitFor } from "../support/wait-for.ts";

const DAY_MS = 86_400_000;
const NOTHING: RetentionPass = {
  archived: 0,
  deleted: 0,
  left: 0,
  undated: 0,
  isCutShort: false,
};

/** A server whose clock is moved on by hand, in days. */
async function setUp(rules = "archive:30d,delete:365d", mostAtOnce = 100) {
  let days = 0;
  const clock = { ...systemClock, now: () => systemClock.now() + days * DAY_MS };
  const store = archivingStore(createMemoryLogStore());
  const server = await createTestServer({ store, archiver: store, clock });
  onTestFinished(() => server.dispose());
  const policy = parseRetention(rules)!;
  const audit = createRecordingAudit();
  const retention = createRetention({ service: server.service, policy, audit, mostAtOnce });
  return {
    audit,
    server,
    store,
    pass: () => retention.pass(),
    after: (more: number): void => {
      days += more;
    },
    /** A session with a run that is over. */
    use: async (name: string, project?: string): Promise<SessionClient> => {
      const session = new SessionClient(server, name, project);
      server.runner.script((exchange) => tell(exchange, [startedEvent(), finishedEvent()]));
      await session.run(`{"runId":"${crypto.randomUUID()}","messages":[]}`);
      await waitFor(async () => (await session.agentStatus()) === "idle");
      // the checkpoint is saved, and nothing of the session is in use any more
      await waitFor(() => server.service.sessions.used === 0, { what: "sessions at rest" });
      return session;
    },
  };
}

const keyOf = (session: string, project = "p1") => ({ project, session });

describe("retention", () => {
  it("is recorded, deletions before they are done, and leaves what cannot be recorded", async () => {
    const { after, audit, pass, use } = await setUp("delete:30d");
    await use("old");
    after(31);
    audit.isFull = true;
    expect(await pass()).toEqual({ ...NOTHING, left: 1 });
    expect(audit.entries).toEqual([]);
    audit.isFull = false;
    expect(await pass()).toEqual({ ...NOTHING, deleted: 1 });
    const about = { action: "delete", project: "p1", session: "old", user: "retention" };
    expect(audit.entries).toMatchObject([
      { ...about, outcome: "begun" },
      { ...about, outcome: "done" },
    ]);
  });

  it("archives what nobody has used for long, later deletes it, and leaves the rest", async () => {
    const { after, pass, store, use } = await setUp();
    const old = await use("old");
    const before = await old.settled();
    after(29);
    const young = await use("young");
    expect(await pass()).toEqual(NOTHING);
    after(1);
    expect(await pass()).toEqual({ ...NOTHING, archived: 1 });
    expect([await store.isEvicted(keyOf("old")), await store.isEvicted(keyOf("young"))]).toEqual([
      true,
      false,
    ]);
    // as before, and looking at it is no use of it
    expect(await old.settled()).toEqual(before);
    expect(await pass()).toEqual(NOTHING);
    after(334);
    expect(await pass()).toEqual({ ...NOTHING, archived: 1 });
    after(1);
    expect(await pass()).toEqual({ ...NOTHING, deleted: 1 });
    expect((await old.get("")).status).toBe(404);
    expect((await young.get("")).status).toBe(200);
  });

  it("counts from the last use, which an archived session may have had as well", async () => {
    const { after, pass, store, use } = await setUp();
    await use("s1");
    after(30);
    expect(await pass()).toEqual({ ...NOTHING, archived: 1 });
    const again = await use("s1");
    expect(await store.isEvicted(keyOf("s1"))).toBe(false);
    after(340);
    // 370 days after it was made
    expect(await pass()).toEqual({ ...NOTHING, archived: 1 });
    expect((await again.get("")).status).toBe(200);
  });

  it("knows projects with rules of their own", async () => {
    const { after, pass, use } = await setUp("delete:10d;brief=delete:1d;legal=keep");
    await use("s1", "any");
    await use("s1", "brief");
    await use("s1", "legal");
    after(2);
    expect(await pass()).toEqual({ ...NOTHING, deleted: 1 });
    after(1_000);
    expect(await pass()).toEqual({ ...NOTHING, deleted: 1 });
    expect(await pass()).toEqual(NOTHING);
  });

  it("never touches a session with an open run, or one that somebody watches", async () => {
    const { after, pass, server, use } = await setUp("delete:1d");
    const session = await use("s1");
    const exchange = await openRunner(server, () => session.run('{"runId":"long","messages":[]}'));
    await exchange.write(`data: ${startedEvent("long")}\n\n`);
    after(400);
    expect((await pass()).deleted).toBe(0);
    await exchange.write(`data: ${finishedEvent("long")}\n\n`);
    await exchange.end();
    await waitFor(async () => (await session.agentStatus()) === "idle");
    await waitFor(() => server.service.sessions.used === 0);
    after(400);
    const { sse } = await session.watch();
    expect(await pass()).toEqual({ ...NOTHING, left: 1 });
    await sse.cancel();
    await waitFor(() => server.service.sessions.used === 0);
    expect(await pass()).toEqual({ ...NOTHING, deleted: 1 });
  });

  it("does so much at once, and says that there may be more", async () => {
    const { after, pass, use } = await setUp("delete:1d", 2);
    for (const name of ["s1", "s2", "s3"]) await use(name);
    after(2);
    expect(await pass()).toEqual({ ...NOTHING, deleted: 2, isCutShort: true });
    expect(await pass()).toEqual({ ...NOTHING, deleted: 1 });
  });

  it("takes the last time in a log of an earlier version, and leaves one alone that has none", async () => {
    const { after, pass, server, store } = await setUp("delete:1d");
    const timed = await store.create(keyOf("timed"));
    const line = `{"type":"CUSTOM","name":"n","timestamp":${Date.now()},"value":1}\n`;
    // an agent's clock that is years ahead says nothing
    const ahead = `{"type":"CUSTOM","name":"n","timestamp":${Date.now() + 9_999 * DAY_MS},"value":1}\n`;
    const append = (session: string, logId: string, text: string) =>
      store.append(keyOf(session), utf8(text), { logId, expectedEnd: 0 });
    await append("timed", timed.logId, line + ahead);
    const untimed = await store.create(keyOf("untimed"));
    await append("untimed", untimed.logId, '{"type":"CUSTOM","name":"n","value":1}\n');
    await store.create(keyOf("empty"));
    after(2);
    expect(await pass()).toEqual({ ...NOTHING, deleted: 2, undated: 1 });
    const left = new SessionClient(server, "untimed");
    expect((await left.get("")).status).toBe(200);
  });
});
