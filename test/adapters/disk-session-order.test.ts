import { expect, it } from "vitest";
import type { OpenSession } from "../../adapters/disk/open-session.ts";
import { createSessionCache } from "../../adapters/disk/session-cache.ts";

const KEY = { project: "p", session: "s" };

/** Microtasks within which what waits for a session to be closed goes on. */
const HOPS = 24;

it("calls for a session that is being removed go on in their order, those that come as it ends after them", async () => {
  for (let hops = 0; hops < HOPS; hops++) {
    const cache = createSessionCache({ maxIdle: 1, load: async () => null, onError() {} });
    const session = { busy: false, close: async () => {} } as OpenSession;
    const done: string[] = [];
    const gate = Promise.withResolvers<void>();
    cache.add(KEY, session);
    const removed = cache.remove(KEY, () => gate.promise);
    // it waits once the removal has begun
    for (let at = 0; at < HOPS; at++) await Promise.resolve();
    const first = cache.use(KEY, async () => done.push("first"));
    for (let at = 0; at < HOPS; at++) await Promise.resolve();
    gate.resolve();
    for (let at = 0; at < hops; at++) await Promise.resolve();
    const second = cache.use(KEY, async () => done.push("second"));
    await Promise.all([removed, first, second]);
    expect([hops, ...done]).toEqual([hops, "first", "second"]);
  }
});
