import { pause } from "./pause.ts";

/** How long somebody waits before each next try. */
export interface BackOffOptions {
  /** The first pause in ms. */
  readonly firstMs: number;
  /** The longest pause in ms. */
  readonly maxMs: number;
  /** How much longer each pause is than the one before. Default 2. */
  readonly factor?: number;
  /**
   * Each pause is shorter, by chance, by up to this part of it, so that many who wait for the same
   * do not come at once. From 0, the default, to 1.
   */
  readonly jitter?: number;
}

/** The pause in ms after so many pauses: longer each time, up to the longest. */
export function backOffMs(options: BackOffOptions, pauses: number): number {
  const { firstMs, maxMs, factor = 2, jitter = 0 } = options;
  return Math.min(firstMs * factor ** pauses, maxMs) * (1 - jitter * Math.random());
}

/** Longer and longer pauses, from the first again after a success. */
export class BackOff {
  readonly #options: BackOffOptions;
  #pauses = 0;

  constructor(options: BackOffOptions) {
    this.#options = options;
  }

  /** The next pause in ms. */
  next(): number {
    return backOffMs(this.#options, this.#pauses++);
  }

  /** Waits for the next pause, or until `signal` aborts. */
  pause(timers: Parameters<typeof pause>[1], signal: AbortSignal | null): Promise<void> {
    return pause(this.next(), timers, signal);
  }

  /** Something has worked: the next pause is the first one again. */
  reset(): void {
    this.#pauses = 0;
  }
}
