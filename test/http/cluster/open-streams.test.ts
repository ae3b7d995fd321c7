import { describe, expect, it, onTestFinished } from "vitest";
import type { SseReader } from "../../contract/read-sse.ts";
import { nextTurn, waitFor } from "../../contract/wait-for.ts";
import {
  type ClusterServer,
  createClusterServer,
  EDITOR,
  KEY,
  PROJECT,
  VIEWER,
} from "../../support/cluster-server.ts";
import { createManualClock, type ManualClock } from "../../support/manual-clock.ts";
import { SessionClient } from "../../contract/session-routes/harness.ts";

const REAUTH_MS = 300_000;
/** How long after a first no a second one ends a stream. */
const CONFIRM_MS = 5_000;
const STEP_MS = 10_000;

interface Opened {
  readonly server: ClusterServer;
  readonly clock: ManualClock;
  readonly sse: SseReader;
  /** The events that have come, as text. */
  readonly seen: readonly string[];
  /** Resolves when the stream has ended, and rejects if it broke off. */
  readonly over: Promise<void>;
}

/** A server with one stream open that has nothing more to say. */
async function openStream(): Promise<Opened> {
  const clock = createManualClock();
  const server = await createClusterServer({ clock });
  onTestFinished(() => server.dispose());
  const { sse } = await new SessionClient(server.seenBy(VIEWER)).watch();
  await sse.frame();
  const seen: string[] = [];
  const over = (async () => {
    for (let event = await sse.event(); event; event = await sse.event()) seen.push(event.data);
  })();
  // what nobody has come to wait for yet is not unheard
  over.catch(() => {});
  return { server, clock, sse, seen, over };
}

/** Lets time pass, in steps in which a heartbeat can be read. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= STEP_MS) {
    clock.advance(Math.min(left, STEP_MS));
    for (let i = 0; i < 3; i++) await nextTurn();
  }
}

/** Lets time pass until somebody was refused, and no step further. */
async function passUntilRefused({ server, clock }: Opened): Promise<void> {
  const refusals = (): number =>
    server.logged.filter((line) => line.startsWith("stream-access-refused")).length;
  const before = refusals();
  for (let ms = 0; refusals() === before && ms < REAUTH_MS; ms += STEP_MS)
    await pass(clock, STEP_MS);
  expect(refusals()).toBe(before + 1);
}

/** Expects that an event which is stored now comes through. */
async function expectGoingOn({ server, seen }: Opened): Promise<void> {
  const editor = new SessionClient(server.seenBy(EDITOR));
  const { runId } = await editor.run('{"messages":[{"id":"m","role":"user","content":"more"}]}');
  await waitFor(() => seen.some((text) => text.includes(runId)), { what: "the event" });
}

describe("an open stream", () => {
  it.each([
    ["the right to see it", { name: "viewer", grants: [{ project: "p1", verbs: ["list"] }] }],
    ["the right to see the project", { name: "viewer", grants: [] }],
    ["its token", null],
  ] as const)("ends within the interval and 5 s when its client loses %s", async (_, user) => {
    const { server, clock, over } = await openStream();
    if (user) server.users.set(VIEWER, user);
    else server.users.delete(VIEWER);
    await pass(clock, REAUTH_MS + CONFIRM_MS);
    await over;
    expect(server.logged.join()).toContain("stream-access-withdrawn");
    const again = await server.as(VIEWER, "GET", `${PROJECT}/s1/agui/events`);
    expect([401, 403]).toContain(again.status);
    expect(server.service.pacer.open).toBe(0);
  });

  it("ends within the interval and 5 s when the session is gone from the cluster", async () => {
    const { server, clock, over } = await openStream();
    await server.directory.delete(KEY);
    await pass(clock, REAUTH_MS + CONFIRM_MS);
    await over;
  });

  it("goes on when a no is not confirmed, however often, and ends when one is", async () => {
    const opened = await openStream();
    const { server, clock, over } = opened;
    const viewer = server.users.get(VIEWER);
    for (let i = 0; i < 3; i++) {
      server.users.delete(VIEWER);
      await passUntilRefused(opened);
      if (viewer) server.users.set(VIEWER, viewer);
      await pass(clock, CONFIRM_MS);
    }
    await expectGoingOn(opened);
    expect(server.logged.join()).not.toContain("stream-access-withdrawn");

    server.users.delete(VIEWER);
    await passUntilRefused(opened);
    await pass(clock, CONFIRM_MS);
    await over;
  });

  it("takes no answer for no confirmation", async () => {
    const opened = await openStream();
    const { server, clock, over } = opened;
    const viewer = server.users.get(VIEWER);
    server.users.delete(VIEWER);
    await passUntilRefused(opened);
    server.state.reviews = "fails";
    await pass(clock, CONFIRM_MS);
    expect(server.logged.join()).toContain("stream-access-unknown");
    server.state.reviews = "answers";
    // what says no after that is asked again like any first one
    await passUntilRefused(opened);
    if (viewer) server.users.set(VIEWER, viewer);
    await pass(clock, CONFIRM_MS);
    await expectGoingOn(opened);
    server.users.delete(VIEWER);
    await pass(clock, REAUTH_MS + CONFIRM_MS);
    await over;
  });

  it("ends no sooner than a no is confirmed, while a new request is refused at once", async () => {
    const opened = await openStream();
    const { server, clock, over } = opened;
    server.users.delete(VIEWER);
    await passUntilRefused(opened);
    expect(server.service.pacer.open).toBe(1);
    const again = await server.as(VIEWER, "GET", `${PROJECT}/s1/agui/events`);
    expect(again.status).toBe(401);
    await pass(clock, CONFIRM_MS);
    await over;
  });

  it("goes on while its client may see it, and is asked about again and again", async () => {
    const opened = await openStream();
    for (let i = 1; i <= 3; i++) {
      const before = opened.server.asked.length;
      await pass(opened.clock, REAUTH_MS);
      expect(opened.server.asked.length).toBeGreaterThan(before);
    }
    await expectGoingOn(opened);
  });

  it("is asked about past every cache", async () => {
    const { server, clock } = await openStream();
    const fresh: unknown[] = [];
    const { authorizer } = server.service;
    const allows = authorizer.allows.bind(authorizer);
    Object.assign(authorizer, {
      allows: (...args: Parameters<typeof allows>) => {
        fresh.push(args[2]?.fresh);
        return allows(...args);
      },
    });
    await pass(clock, REAUTH_MS);
    expect(fresh.slice(0, 2)).toEqual([true, true]);
    expect(fresh).not.toContain(undefined);
  });

  it.each(["reviews", "directory"] as const)(
    "goes on when nobody can say, and ends soon after somebody can say no (%s)",
    async (what) => {
      const opened = await openStream();
      const { server, clock, over } = opened;
      server.state[what] = "fails";
      for (let i = 0; i < 3; i++) await pass(clock, REAUTH_MS);
      expect(server.logged.join()).toContain("stream-access-unknown");
      server.state[what] = "answers";
      await expectGoingOn(opened);

      server.users.delete(VIEWER);
      server.state[what] = "fails";
      await pass(clock, REAUTH_MS);
      server.state[what] = "answers";
      await pass(clock, 10_000 + CONFIRM_MS);
      await over;
    },
  );

  it("is asked about no more once its client has gone", async () => {
    const { server, clock, sse } = await openStream();
    await sse.cancel();
    await waitFor(() => server.service.pacer.open === 0);
    const before = server.asked.length;
    await pass(clock, 3 * REAUTH_MS);
    expect(server.asked.length).toBe(before);
  });

  it("breaks off within a frame rather than end as if it were whole", async () => {
    const clock = createManualClock();
    const server = await createClusterServer({ clock });
    onTestFinished(() => server.dispose());
    const editor = new SessionClient(server.seenBy(EDITOR));
    const content = "x".repeat(300_000);
    await editor.run(JSON.stringify({ messages: [{ id: "m", role: "user", content }] }));
    const response = await server.as(VIEWER, "GET", `${PROJECT}/s1/agui/events`);
    const reader = response.body?.getReader();
    // the hint for reconnecting, and a part of the long frame
    for (let i = 0; i < 2; i++) expect((await reader?.read())?.done).toBe(false);
    server.users.delete(VIEWER);
    await pass(clock, REAUTH_MS + CONFIRM_MS);
    await expect(async () => {
      while (!(await reader?.read())?.done);
    }).rejects.toThrow();
  });
});
