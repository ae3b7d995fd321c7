interface Timers {
  now(): number;
  after(ms: number, fn: () => void): () => void;
  every(ms: number, fn: () => void): () => void;
}

/** The machine's clock, as the port `Clock` has it. */
export const systemClock: Timers = {
  now: () => Date.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
  every(ms, fn) {
    const timer = setInterval(fn, ms);
    release(timer);
    return () => clearInterval(timer);
  },
};

function release(timer: unknown): void {
  if (typeof timer === "object" && timer && "unref" in timer && typeof timer.unref === "function")
    timer.unref();
}
