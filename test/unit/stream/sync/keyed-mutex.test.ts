import { describe, expect, it } from "vitest";
import { createKeyedMutex } from "../../../../src/stream/sync/keyed-mutex.ts";

describe("turns", () => {
  it("let operations of one id happen one after the other, and those of others at once", async () => {
    const turns = createKeyedMutex();
    const said: string[] = [];
    const first = Promise.withResolvers<void>();
    const a1 = turns.run("a", async () => {
      said.push("a1 begins");
      await first.promise;
      said.push("a1 ends");
    });
    const a2 = turns.run("a", async () => said.push("a2"));
    await turns.run("b", async () => said.push("b"));
    await turns.idle("b");
    expect(said).toEqual(["a1 begins", "b"]);
    expect([turns.isBusy("a"), turns.isBusy("b")]).toEqual([true, false]);
    first.resolve();
    await Promise.all([a1, a2]);
    expect(said).toEqual(["a1 begins", "b", "a1 ends", "a2"]);
  });

  it("go on after one that failed, which fails for its caller alone", async () => {
    const turns = createKeyedMutex();
    const failed = turns.run("a", () => Promise.reject(new Error("no")));
    const next = turns.run("a", () => Promise.resolve("yes"));
    await expect(failed).rejects.toThrow("no");
    expect(await next).toBe("yes");
  });

  it("are idle when nothing is under way, also what came while somebody waited", async () => {
    const turns = createKeyedMutex();
    await turns.idle();
    await turns.idle("a");
    let ended = 0;
    void turns.run("a", async () => {
      ended++;
      void turns.run("a", async () => ended++);
    });
    await turns.idle("a");
    expect(ended).toBe(2);
    expect(turns.isBusy("a")).toBe(false);
  });
});
