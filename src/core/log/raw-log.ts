import { hasCode, RunlogError } from "../../ports/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LiveFeed, LogGrowth } from "../../ports/live-feed.ts";
import type { AppendNote, LogStat, LogStore, SessionKey } from "../../ports/log-store.ts";
import { ByteRing, type RingBudget, type RingHit } from "../../stream/bytes/byte-ring.ts";
import { concatBytes } from "../../stream/bytes/concat.ts";
import { SseFramer } from "../../stream/sse/sse-frame.ts";
import { cursorPrefix } from "../model/cursor.ts";
import type { ArrivalEntry } from "./arrival-entries.ts";
import { OwnAppends } from "./own-appends.ts";
import { type ArrivalLookup, createArrivalLookup } from "./arrival-lookup.ts";
import { ArrivalTimes } from "./arrival-times.ts";

export interface RawLogOptions {
  readonly key: SessionKey;
  readonly store: LogStore;
  readonly feed: LiveFeed;
  /** Most bytes that the latest events of this session may take up. */
  readonly ringBytes: number;
  readonly ringBudget: RingBudget;
  /** Tells when an append arrives. */
  readonly clock: Pick<Clock, "now">;
}

/** The raw log as far as this process knows it. */
export interface LogPosition {
  readonly logId: string;
  readonly end: number;
}

export interface AppendLinesOptions {
  /** The only log that these lines may be written to. */
  readonly logId?: string;
  /** Wait for the device as well (`AppendOptions.durable`). */
  readonly durable?: boolean;
  /** Stored with the lines (`AppendOptions.note`). */
  readonly note?: AppendNote;
  /**
   * Where the log ended when the caller found out what is in it. The lines are refused (`log-fenced`) if another process
   * has appended anything after that. Default: they are appended whatever is before them.
   */
  readonly knownEnd?: number;
  /** Whether they are a copy, which has not arrived now. Default false. */
  readonly isCopy?: boolean;
}

/**
 * One session's raw log in this process: where it ends, which readers wait for it to grow, and its
 * latest bytes, framed once for all viewers. It appends (at most one process does for a session)
 * and it announces growth to readers; the bytes themselves are read from the store.
 */
export class RawLog {
  readonly key: SessionKey;
  readonly #store: LogStore;
  readonly #feed: LiveFeed;
  readonly #arrivals: ArrivalTimes;
  readonly #ring: ByteRing;
  readonly #unsubscribe: () => void;
  /** Ends the subscription to what other processes announce; null while nobody watches. */
  #unsubscribeOthers: (() => void) | null = null;
  #position: LogPosition | null = null;
  /** The end that the next append has to expect; null when the store has to be asked. */
  #writeEnd: LogPosition | null = null;
  readonly #own = new OwnAppends();
  #asking: Promise<LogStat | null> | null = null;
  #superseded = 0;
  #waiting = new Set<() => void>();
  #viewers = 0;
  /** Callers that wait until every viewer has read everything. */
  #whenRead = new Set<() => void>();
  #changes = 0;

  constructor(options: RawLogOptions) {
    this.key = options.key;
    this.#store = options.store;
    this.#feed = options.feed;
    this.#arrivals = new ArrivalTimes(options);
    this.#ring = new ByteRing({
      limitBytes: options.ringBytes,
      budget: options.ringBudget,
      encode: (pieces, start) => this.#frame(pieces, start),
    });
    this.#unsubscribe = this.#subscribe("here");
  }

  /** The log and its end as last known, or null if there is none. */
  get position(): LogPosition | null {
    return this.#position;
  }

  /**
   * How often another process was found to have written, so that the state folded before is
   * incomplete.
   */
  get superseded(): number {
    return this.#superseded;
  }

  /** Whether this process wrote to it last, as far as it knows. */
  get isWrittenHere(): boolean {
    return this.#writeEnd !== null;
  }

  /** Viewers that watch it now. */
  get viewers(): number {
    return this.#viewers;
  }

  /** Asks the store; `position` is then the store's answer. */
  async refresh(): Promise<LogStat | null> {
    const stat = await this.#store.stat(this.key);
    const own = this.#writeEnd;
    if (stat && own && own.logId === stat.logId && stat.end.raw > own.end) {
      this.#superseded++;
      this.#writeEnd = null;
    }
    this.#learn(stat && { logId: stat.logId, end: stat.end.raw });
    return stat;
  }

  /**
   * To be called when a read up to the known end was refused: the end was announced by somebody who
   * does not have the log. Resolves with whether the store says that it ends before; `position` is then
   * the store's answer.
   */
  async correctEnd(): Promise<boolean> {
    const stat = await this.#store.stat(this.key);
    const known = this.#position;
    if (!stat || stat.logId !== known?.logId || stat.end.raw >= known.end) return false;
    this.#position = { logId: stat.logId, end: stat.end.raw };
    return true;
  }

  /**
   * Appends whole lines, in the order of the calls. Resolves when they are stored; only then are
   * they visible to viewers. Without `logId` the log is made if there is none; with it the lines go
   * to that log or nowhere (`log-fenced`), so that a run cannot write into the log of a session
   * that was made again under its name. Throws what the store throws.
   */
  async append(
    lines: readonly Uint8Array[],
    options: AppendLinesOptions = {},
  ): Promise<LogPosition> {
    if (this.#writeEnd === null) await this.#askForEnd(options.logId === undefined);
    const expected = this.#writeEnd;
    if (!expected || (options.logId !== undefined && options.logId !== expected.logId))
      throw new RunlogError("log-fenced", "The log was deleted or replaced");
    if (options.knownEnd !== undefined && !this.#own.isAllFrom(options.knownEnd, expected))
      throw new RunlogError("log-fenced", "Another process has appended to the log");
    const bytes = lines.reduce((sum, line) => sum + line.length, 0);
    const arrivedAtMs = this.#arrivals.now();
    this.#writeEnd = { logId: expected.logId, end: expected.end + bytes };
    try {
      const end = await this.#store.append(this.key, lines, {
        logId: expected.logId,
        expectedEnd: expected.end,
        durable: options.durable ?? false,
        ...(options.note && { note: options.note }),
      });
      this.#appended(expected, lines, end);
      if (bytes > 0 && !options.isCopy)
        this.#arrivals.record(expected.logId, { offset: expected.end, ms: arrivedAtMs });
      return { logId: expected.logId, end };
    } catch (error) {
      this.#writeEnd = null;
      if (hasCode(error, "log-fenced", "log-not-owned")) this.#superseded++;
      throw error;
    }
  }

  /** When what is in a log arrived. */
  arrivalsIn({ logId, end }: LogStat): ArrivalLookup {
    const times = { logId, end: end.times };
    return createArrivalLookup(this.#store, this.key, times, this.#arrivals.waitingIn(logId));
  }

  /** When the latest events arrived, as far as that is not stored yet. */
  waitingArrivals(logId: string): readonly ArrivalEntry[] {
    return this.#arrivals.waitingIn(logId);
  }

  /** The framed bytes at `from`, if they are among the latest. */
  recent(logId: string, from: number): RingHit | null {
    return this.#position?.logId === logId ? this.#ring.read(from) : null;
  }

  /** How often waiting readers were woken; see `grown`. */
  get changes(): number {
    return this.#changes;
  }

  /** Resolves when `changes` is no longer `seen`, or when `signal` aborts. */
  grown(signal: AbortSignal, seen: number = this.#changes): Promise<void> {
    if (seen !== this.#changes) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake);
      if (signal.aborted) wake();
      this.#noteRead();
    });
  }

  /** Resolves when every viewer has read all events. */
  readByAll(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenRead.add(resolve);
      this.#noteRead();
    });
  }

  /**
   * Registers a viewer, so that the latest bytes are worth keeping. Returns a function that ends
   * that.
   */
  watch(): () => void {
    this.#viewers++;
    this.#unsubscribeOthers ??= this.#subscribe("anywhere");
    return () => {
      this.#viewers--;
      if (this.#viewers === 0) {
        this.#ring.clear();
        this.#stopHearingOthers();
      }
      this.#noteRead();
    };
  }

  /** Readers that wait for growth now. */
  get waiting(): number {
    return this.#waiting.size;
  }

  close(): void {
    this.#unsubscribe();
    this.#stopHearingOthers();
    this.#ring.clear();
    this.wake();
  }

  /** Asks the store where the next append begins. Calls that come meanwhile share the answer. */
  async #askForEnd(create: boolean): Promise<void> {
    this.#asking ??= (create ? this.#store.create(this.key) : this.#store.stat(this.key)).finally(
      () => {
        this.#asking = null;
      },
    );
    const stat = await this.#asking;
    if (stat && this.#writeEnd === null) {
      this.#writeEnd = { logId: stat.logId, end: stat.end.raw };
      this.#own.noteEnd(this.#writeEnd);
    } else if (!stat && create) await this.#askForEnd(true);
  }

  #appended(expected: LogPosition, lines: readonly Uint8Array[], end: number): void {
    const { logId } = expected;
    this.#own.noteAppend({ logId, end });
    if (this.#viewers > 0 && this.#position?.logId === logId) this.#ring.push(expected.end, lines);
    this.#learn({ logId, end });
    this.#feed.publish({ ...this.key, logId, end });
  }

  #subscribe(from: "here" | "anywhere"): () => void {
    return this.#feed.subscribe(this.key, (growth) => this.#grew(growth), { from });
  }

  #stopHearingOthers(): void {
    this.#unsubscribeOthers?.();
    this.#unsubscribeOthers = null;
  }

  #grew(growth: LogGrowth): void {
    this.#learn(growth.logId === null ? null : { logId: growth.logId, end: growth.end });
  }

  #learn(position: LogPosition | null): void {
    const known = this.#position;
    if (known?.logId === position?.logId) {
      // announcements may be late: an end never goes back within one log
      if (position && known && position.end > known.end) this.#position = position;
      else return;
    } else {
      this.#position = position;
      this.#ring.clear();
      if (this.#writeEnd && this.#writeEnd.logId !== position?.logId) this.#writeEnd = null;
    }
    this.wake();
  }

  /**
   * Wakes waiting readers: the log has grown, or something else that they wait for has happened.
   */
  wake(): void {
    this.#changes++;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }

  #noteRead(): void {
    if (this.#waiting.size < this.#viewers) return;
    for (const resolve of this.#whenRead) resolve();
    this.#whenRead.clear();
  }

  #frame(pieces: readonly Uint8Array[], start: number): Uint8Array<ArrayBuffer> {
    if (!this.#position) throw new RunlogError("internal", "framed bytes of no log");
    const prefix = cursorPrefix({ log: "raw", logId: this.#position.logId });
    const framer = new SseFramer(prefix, start);
    return framer.push(concatBytes(pieces));
  }
}
