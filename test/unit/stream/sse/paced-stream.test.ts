import { describe, expect, it } from "vitest";
import {
  type ChunkSource,
  createStreamPacer,
  type PaceOptions,
} from "../../../../src/stream/sse/paced-stream.ts";
import { nextTurn } from "../../../contract/wait-for.ts";

const BEAT = Uint8Array.of(0xbb);

/** A source whose chunks come when the test says so. */
function manualSource() {
  let wake: ((chunk: Uint8Array<ArrayBuffer> | null) => void) | null = null;
  let fail: ((error: unknown) => void) | null = null;
  const state = { asked: 0, closed: 0, atBoundary: true };
  const source: ChunkSource = {
    get atBoundary() {
      return state.atBoundary;
    },
    next() {
      state.asked++;
      return new Promise((resolve, reject) => {
        wake = resolve;
        fail = reject;
      });
    },
    close() {
      state.closed++;
    },
  };
  return {
    source,
    state,
    give: (chunk: Uint8Array<ArrayBuffer> | null) => wake?.(chunk),
    fail: (error: unknown) => fail?.(error),
  };
}

function paced(options: Partial<PaceOptions> = {}) {
  let now = 0;
  const pacer = createStreamPacer({
    now: () => now,
    heartbeatMs: 15,
    writeDeadlineMs: 30,
    ...options,
  });
  const manual = manualSource();
  const reader = pacer.stream(manual.source, { heartbeat: BEAT }).getReader();
  return {
    ...manual,
    pacer,
    reader,
    /** Begins a read; resolves with its promise when the stream has noticed. */
    begin: async () => {
      const read = reader.read();
      read.catch(() => {});
      // a stream pulls some microtasks after its reader asked
      await new Promise((resolve) => setImmediate(resolve));
      return { read };
    },
    pass: (ms: number) => {
      now += ms;
      pacer.tick();
    },
  };
}

describe("a paced stream", () => {
  it("asks its source only when its consumer asks", async () => {
    const { begin, state, give } = paced();
    expect(state.asked).toBe(0);
    const { read } = await begin();
    expect(state.asked).toBe(1);
    give(Uint8Array.of(1));
    expect((await read).value).toEqual(Uint8Array.of(1));
    expect(state.asked).toBe(1);
  });

  it("beats sooner while nothing has been sent", async () => {
    const { begin, give, pass } = paced({ openingMs: 5 });
    const { read: first } = await begin();
    pass(4);
    pass(1);
    expect((await first).value).toBe(BEAT);
    const { read: second } = await begin();
    pass(14);
    give(Uint8Array.of(1));
    expect((await second).value).toEqual(Uint8Array.of(1));
  });

  it("beats when its source is silent, and loses no chunk over it", async () => {
    const { begin, reader, give, pass } = paced();
    const { read } = await begin();
    pass(14);
    pass(1);
    expect((await read).value).toBe(BEAT);
    // the chunk comes before the consumer asks again
    give(Uint8Array.of(1));
    await Promise.resolve();
    expect((await reader.read()).value).toEqual(Uint8Array.of(1));
  });

  it("keeps one pending question to its source across heartbeats", async () => {
    const { begin, state, give, pass } = paced();
    for (let beats = 0; beats < 3; beats++) {
      const { read } = await begin();
      pass(15);
      expect((await read).value).toBe(BEAT);
    }
    const { read } = await begin();
    give(Uint8Array.of(7));
    expect((await read).value).toEqual(Uint8Array.of(7));
    expect(state.asked).toBe(1);
  });

  it("does not beat within a frame", async () => {
    const { begin, state, give, pass } = paced();
    state.atBoundary = false;
    const { read } = await begin();
    pass(100);
    give(Uint8Array.of(1));
    expect((await read).value).toEqual(Uint8Array.of(1));
  });

  it("ends with an error when its consumer keeps one chunk past the deadline", async () => {
    const { begin, reader, state, give, pass, pacer } = paced();
    const { read } = await begin();
    give(Uint8Array.of(1));
    await read;
    pass(31);
    expect(state.closed).toBe(1);
    expect(pacer.open).toBe(0);
    await expect(reader.read()).rejects.toThrow("stalled");
  });

  it("does not end a consumer that waits for a silent source", async () => {
    const { begin, state, give, pass } = paced();
    state.atBoundary = false;
    const { read } = await begin();
    pass(1_000);
    give(null);
    expect((await read).done).toBe(true);
  });

  it("closes its source exactly once, at its end, its error and its cancel", async () => {
    const ended = paced();
    const end = await ended.begin();
    ended.give(null);
    await end.read;
    const failed = paced();
    const failure = await failed.begin();
    failed.fail(new Error("broken"));
    await expect(failure.read).rejects.toThrow("broken");
    const cancelled = paced();
    await cancelled.reader.cancel();
    for (const { state, pacer } of [ended, failed, cancelled]) {
      pacer.endAll();
      expect(state.closed).toBe(1);
      expect(pacer.open).toBe(0);
    }
  });

  it("ends cleanly between frames and with an error within one", async () => {
    const between = paced();
    const begun = await between.begin();
    between.give(Uint8Array.of(1));
    await begun.read;
    const end = between.reader.read();
    await nextTurn();
    between.pacer.endAll();
    expect((await end).done).toBe(true);

    const within = paced();
    within.state.atBoundary = false;
    const cut = await within.begin();
    within.pacer.endAll();
    await expect(cut.read).rejects.toThrow("ended");
  });

  it("breaks where nothing was sent: an answer without a byte would look whole", async () => {
    const open = paced();
    const { read } = await open.begin();
    open.pacer.endAll();
    await expect(read).rejects.toThrow("ended");
    const later = open.pacer.stream(manualSource().source);
    await expect(later.getReader().read()).rejects.toThrow("ended");
    expect(open.pacer.open).toBe(0);
  });

  it("says farewell where nothing else was sent", async () => {
    const farewell = (): Uint8Array<ArrayBuffer> => Uint8Array.of(9);
    const { pacer } = paced();
    pacer.endAll();
    const reader = pacer.stream(manualSource().source, { farewell }).getReader();
    expect((await reader.read()).value).toEqual(Uint8Array.of(9));
    expect((await reader.read()).done).toBe(true);
  });
});
