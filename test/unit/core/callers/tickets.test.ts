import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemoryObjectBucket } from "../../../../adapters/memory/index.ts";
import { sharedSecret } from "../../../../src/core/callers/shared-secret.ts";
import { createTickets, type Tickets, TICKET_MS } from "../../../../src/core/callers/tickets.ts";
import { systemClock } from "../../../../src/entry/system-clock.ts";
import type { ObjectBucket } from "../../../../src/ports/object-bucket.ts";

const KEY = { project: "p1", session: "s1" };
const SECRET = new Uint8Array(32).fill(7);

function ticketsAt(clock: { nowMs: number }, secret = async () => SECRET): Tickets {
  return createTickets({ clock: { now: () => clock.nowMs }, secret, firstUseMs: 60_000 });
}

const onBucket = (bucket: ObjectBucket): Tickets =>
  ticketsAt({ nowMs: 0 }, sharedSecret({ bucket, key: "secrets/tickets" }, systemClock));

describe("tickets", () => {
  it("say what was sealed in them, and hide it", async () => {
    const clock = { nowMs: 1_000 };
    const tickets = ticketsAt(clock);
    await fc.assert(
      fc.asyncProperty(
        fc.string(),
        fc.option(fc.string({ maxLength: 4_096 })),
        async (session, authorization) => {
          const { ticket, expiresAtMs } = await tickets.make(
            { project: "p1", session },
            authorization,
          );
          expect(ticket).toMatch(/^rlt_[\w-]+$/);
          expect(expiresAtMs).toBe(61_000);
          expect(await tickets.open(ticket)).toEqual({
            project: "p1",
            session,
            authorization,
            madeAtMs: 1_000,
          });
          if (authorization && authorization.length > 6)
            expect(ticket).not.toContain(authorization);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("are no tickets once a character is another", async () => {
    const tickets = ticketsAt({ nowMs: 0 });
    const { ticket } = await tickets.make(KEY, "Bearer x");
    // the last characters of base64 have bits that count for nothing
    const places = fc.integer({ min: 0, max: ticket.length - 3 });
    await fc.assert(
      fc.asyncProperty(
        places,
        fc.constantFrom("A", "b", "9", "-", "/", "=", "ü"),
        async (at, put) => {
          fc.pre(ticket[at] !== put);
          const changed = ticket.slice(0, at) + put + ticket.slice(at + 1);
          await expect(tickets.open(changed)).rejects.toMatchObject({ code: "token-invalid" });
        },
      ),
      { numRuns: 200 },
    );
  });

  it("are late after a minute, and none after twelve hours or from the future", async () => {
    const clock = { nowMs: 1_000_000 };
    const tickets = ticketsAt(clock);
    const { ticket } = await tickets.make(KEY, null);
    const opened = await tickets.open(ticket);
    clock.nowMs += 60_000;
    expect(tickets.isLate(opened)).toBe(false);
    clock.nowMs += 1;
    expect(tickets.isLate(opened)).toBe(true);
    clock.nowMs = 1_000_000 + TICKET_MS;
    await tickets.open(ticket);
    for (const nowMs of [1_000_001 + TICKET_MS, 1_000_000 - 120_001])
      await expect(ticketsAt({ nowMs }).open(ticket)).rejects.toMatchObject({
        code: "token-invalid",
      });
  });

  it("are refused for a token that makes a URL too long", async () => {
    const tickets = ticketsAt({ nowMs: 0 });
    await tickets.make(KEY, "x".repeat(4_096));
    await expect(tickets.make(KEY, "x".repeat(4_097))).rejects.toMatchObject({
      code: "invalid-input",
    });
  });
});

describe("a shared secret", () => {
  it("is the same for servers that start at once, and after them, and another elsewhere", async () => {
    const bucket = createMemoryObjectBucket();
    const servers = Array.from({ length: 5 }, () => onBucket(bucket));
    const made = await Promise.all(servers.map((tickets) => tickets.make(KEY, "Bearer x")));
    for (const { ticket } of made)
      expect(await onBucket(bucket).open(ticket)).toMatchObject({ authorization: "Bearer x" });
    const elsewhere = onBucket(createMemoryObjectBucket());
    await expect(elsewhere.open(made[0]?.ticket ?? "")).rejects.toMatchObject({
      code: "token-invalid",
    });
  });

  it("says of an object that is none what to do with it", async () => {
    const bucket = createMemoryObjectBucket();
    await bucket.put("secrets/tickets", new Uint8Array(3));
    await expect(onBucket(bucket).make(KEY, null)).rejects.toThrow(/delete it/);
    await bucket.delete(["secrets/tickets"]);
    // a secret that could not be had is asked for again
    const flaky = createMemoryObjectBucket();
    let isDown = true;
    const tickets = ticketsAt({ nowMs: 0 }, async () => {
      if (isDown) throw new Error("down");
      return sharedSecret({ bucket: flaky, key: "k" }, systemClock)();
    });
    await expect(tickets.make(KEY, null)).rejects.toThrow("down");
    isDown = false;
    await tickets.make(KEY, null);
  });
});
