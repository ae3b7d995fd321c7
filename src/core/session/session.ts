import type { Clock } from "../../ports/clock.ts";
import { RunlogError } from "../../ports/errors.ts";
import type { Logger } from "../../ports/logger.ts";
import type { LogStat, LogStore, SessionKey } from "../../ports/log-store.ts";
import type { EventFacts } from "../../ports/runner-client.ts";
import type { CompactLog } from "../compaction/compact-log.ts";
import { PostedMessageIds } from "../model/posted-message-ids.ts";
import type { LegacyImports } from "../legacy/legacy-imports.ts";
import { isImported } from "../legacy/scan-marks.ts";
import type { ReadableLog } from "../log/readable-log.ts";
import { readFacts } from "../log/scan-event-facts.ts";
import { encodeCheckpoint } from "../model/checkpoint.ts";
import type { AppendLinesOptions, RawLog } from "../log/raw-log.ts";
import { isTerminal } from "../model/run-span.ts";
import { EMPTY_STATE, foldEvent, foldEvents, type SessionState } from "../model/session-state.ts";
import { againIfDeleted } from "./again-if-deleted.ts";
import type { EventLines } from "./admission.ts";
import { CheckpointSaves } from "./checkpoint-saves.ts";
import { FollowedLog } from "./followed-log.ts";
import { believedCheckpoint, NOT_BELIEVED } from "./believed-checkpoint.ts";
import type { SessionEvents } from "./session-events.ts";

export interface SessionOptions {
  readonly key: SessionKey;
  readonly log: RawLog;
  readonly compact: CompactLog;
  readonly store: LogStore;
  readonly legacyImports: LegacyImports;
  readonly clock: Pick<Clock, "now">;
  readonly logger: Logger;
  /** Where it is announced that the end of a run was stored. */
  readonly events: Pick<SessionEvents, "emit">;
  /** The document of a log that is made for the session, or null for none. Default: none. */
  readonly documentOf?: (key: SessionKey) => Uint8Array | null;
}

export interface AppendEventsOptions extends AppendLinesOptions {
  readonly logId: string;
  /** A further change of the state once the lines are stored: a run was admitted, or forgotten. */
  readonly change?: (state: SessionState) => SessionState;
}

/**
 * After so many bytes the checkpoint is saved again, so that a recovery reads no more than that.
 */
const CHECKPOINT_EVERY_BYTES = 4 * 1024 * 1024;

/**
 * One session as its writer sees it: the state that the log amounts to, updated with every append
 * and saved in the checkpoint when it changes. After a crash the checkpoint may lag behind the log;
 * `load` folds the events after it.
 */
export class Session {
  readonly key: SessionKey;
  readonly log: RawLog;
  /** The same history, its finished runs compacted. */
  readonly compact: CompactLog;
  readonly #store: LogStore;
  readonly #legacyImports: LegacyImports;
  readonly #clock: Pick<Clock, "now">;
  readonly #logger: Logger;
  readonly #documentOf: (key: SessionKey) => Uint8Array | null;
  readonly #events: Pick<SessionEvents, "emit">;
  #logId: string | null = null;
  /** `log.superseded` when the state was loaded. */
  #loadedSuperseded = 0;
  #state: SessionState = EMPTY_STATE;
  #messages = new PostedMessageIds();
  #loading: Promise<void> | null = null;
  /** How often the log was found to have events that were not counted, also when it was loaded. */
  #behind = 0;
  #loadedBehind = 0;
  /** Appends and other writes that are under way. */
  #appending = 0;
  /** Writes that have begun, ever. */
  #begun = 0;
  /** What the state was loaded from while another process had the session, or may have taken it; else null. */
  #followed: FollowedLog | null = null;
  #savedOffset = 0;
  #headOffset = 0;
  #visibleFrom = 0;
  #skippedLines: number | null = null;
  readonly #saves = new CheckpointSaves(() => this.#writeHead());

  constructor(options: SessionOptions) {
    const { key, log, compact, store, legacyImports, logger } = options;
    const { documentOf = () => null, events } = options;
    this.key = key;
    this.log = log;
    this.compact = compact;
    this.#events = events;
    this.#store = store;
    this.#legacyImports = legacyImports;
    this.#clock = options.clock;
    this.#logger = logger;
    this.#documentOf = documentOf;
  }

  /**
   * Where the log ended when the saved checkpoint was made; 0 without one, infinite if it cannot be
   * trusted.
   */
  get headOffset(): number {
    return this.#headOffset;
  }

  /** The log folded so far; empty until `load` has resolved. */
  get state(): SessionState {
    return this.#state;
  }

  /** Whether `state` is that of the log as it is known now. */
  get isLoaded(): boolean {
    const known = this.log.position;
    return (
      known !== null &&
      known.logId === this.#logId &&
      this.log.superseded === this.#loadedSuperseded &&
      !this.#isBehind
    );
  }

  get #isBehind(): boolean {
    return this.#behind !== this.#loadedBehind;
  }

  /** The messages that clients posted. Changed in place; saved with the next `save`. */
  get messages(): PostedMessageIds {
    return this.#messages;
  }

  /** Where the first visible event begins, once `load` has resolved. */
  get visibleFrom(): number {
    return this.#visibleFrom;
  }

  /** Asks the store for the log; imports a legacy log if there is none. Throws as `load`. */
  async find(): Promise<LogStat | null> {
    const stat = await this.log.refresh();
    return stat === null && (await this.#legacyImports.importLog(this.key))
      ? this.log.refresh()
      : stat;
  }

  /**
   * The log as readers may see it, once it is ready for them; null if there is none. Throws as
   * `load`.
   */
  async readable(): Promise<ReadableLog | null> {
    const found = await this.find();
    if (!found || !isImported(found)) return found && { stat: found, from: 0, skippedLines: null };
    await this.load();
    const stat = await this.log.refresh();
    return stat && { stat, from: this.#visibleFrom, skippedLines: this.#skippedLines };
  }

  /**
   * Loads the state of the session's log, whether there is a log or not. Resolves with the log's
   * id, or null. A legacy log is imported, and an imported one scanned, which may take a while,
   * once. Throws what the store throws, and `log-not-adoptable`.
   */
  load(): Promise<string | null> {
    // the state is current while every append to this log is counted, and no other process makes any
    return this.#store.owns(this.key) ? this.#catchUp() : this.reload();
  }

  async #catchUp(): Promise<string | null> {
    if (this.isLoaded) return this.#logId;
    do {
      this.#loading ??= againIfDeleted(() => this.#loadFromStore()).finally(() => {
        this.#loading = null;
      });
      await this.#loading;
      // appends found after that load began may be missing from it
    } while (this.#isBehind);
    return this.#logId;
  }

  /** As `load`, and asks the store whether the log has more than was counted. */
  async reload(): Promise<string | null> {
    if (this.isLoaded) {
      const stat = await this.log.refresh();
      const isCounted = this.#appending > 0 || this.log.position?.end === this.#state.offset;
      if (!isCounted || this.#followed?.isOf(stat) === false) this.#behind++;
    }
    return this.#catchUp();
  }

  /**
   * As `load`, from the store alone: it finds what another process has changed, also in the
   * checkpoint only.
   */
  async refold(): Promise<string | null> {
    await this.#saves.settled();
    this.#behind++;
    this.#followed = null;
    return this.#catchUp();
  }

  /** As `load`, and makes the log if there is none. */
  async loadOrCreate(): Promise<string> {
    const logId = await this.load();
    if (logId !== null) return logId;
    const { document, logId: madeId } = await this.#store.create(this.key);
    try {
      // the document comes before the first event, so that a log with events always has its owner
      const own = this.#documentOf(this.key);
      if (document === null && own !== null) await this.#store.setDocument(this.key, madeId, own);
      const made = await this.load();
      if (made === null) throw new RunlogError("log-not-found", "The log was deleted");
      return made;
    } catch (error) {
      await this.discardEmpty(madeId);
      throw error;
    }
  }

  /** Removes the log if nothing was ever stored in it, nor a document beside it. Never rejects. */
  async discardEmpty(logId: string): Promise<void> {
    try {
      const begun = this.#begun;
      const stat = await this.log.refresh();
      // others may have stored something since then, or are about to
      if (this.#appending > 0 || this.#begun !== begun) return;
      if (stat?.logId !== logId || stat.end.raw > 0 || stat.document !== null) return;
      await this.#store.delete(this.key);
      await this.log.refresh();
    } catch (error) {
      this.#logger.warn("empty-log-not-removed", { ...this.key, error });
    }
  }

  /** Appends events and counts them. Resolves with where they end. Throws what `RawLog.append` throws. */
  async append(events: EventLines, options: AppendEventsOptions): Promise<number> {
    // the state is being loaded: an append now would make it lag again
    if (this.#isBehind) await this.#catchUp();
    return this.whileStoring(() => this.#appendAndCount(events, options));
  }

  /** Calls `store`; meanwhile, and after it, the log is not removed as one that was found empty before. */
  async whileStoring<T>(store: () => Promise<T>): Promise<T> {
    this.#begun++;
    this.#appending++;
    return store().finally(() => this.#appending--);
  }

  async #appendAndCount(
    { lines, events }: EventLines,
    { change = (state) => state, ...options }: AppendEventsOptions,
  ): Promise<number> {
    const { logId, end } = await this.log.append(lines, options);
    if (logId !== this.#logId) return end;
    const before = this.#state;
    let state = foldEvents(before, events);
    if (state.offset !== end) state = await this.#caughtUp(state);
    this.#state = change(state);
    // a caller that changes more than the events do saves it, and learns whether that failed
    const isDue = state.offset - this.#savedOffset >= CHECKPOINT_EVERY_BYTES;
    if (isDue || state.status !== before.status || state.runs !== before.runs) this.#saveLater();
    const isEnd = events.some(isTerminal);
    if (isEnd) this.#events.emit("run-ended", { key: this.key });
    if (isEnd || (state.status === "waiting_input" && before.status !== "waiting_input")) {
      const start = end - events.reduce((sum, { bytes }) => sum + bytes, 0);
      this.#events.emit("run-turned", { key: this.key, logId, start, before, lines, events });
    }
    return end;
  }

  /** The state of the log after an append that seemed to fail and was stored all the same. */
  async #caughtUp(state: SessionState): Promise<SessionState> {
    this.#behind++;
    try {
      await this.#catchUp();
      return this.#state;
    } catch (error) {
      // the append is stored; the next load counts it
      this.#logger.warn("log-not-readable", { ...this.key, error });
      return state;
    }
  }

  /** The facts of the events that are counted, from an offset on. Throws what the store throws. */
  async *eventsFrom(start: number): AsyncGenerator<EventFacts> {
    const { offset: end } = this.#state;
    if (this.#logId === null || start >= end) return;
    yield* readFacts(this.#store, this.key, { logId: this.#logId, start, end });
  }

  /** Changes the state where no event does: a run is forgotten. */
  update(change: (state: SessionState) => SessionState): void {
    this.#state = change(this.#state);
  }

  /** As `CheckpointSaves.save`. */
  save(): Promise<void> {
    return this.#saves.save();
  }

  #saveLater(): void {
    this.save().catch((error: unknown) => {
      this.#logger.warn("head-not-saved", { ...this.key, error });
    });
  }

  async #writeHead(): Promise<void> {
    if (this.#isBehind) await this.#catchUp();
    if (this.#logId === null) return;
    const { offset } = this.#state;
    const head = encodeCheckpoint({
      state: this.#state,
      messages: this.#messages,
      savedAtMs: this.#clock.now(),
    });
    await this.#store.setHead(this.key, this.#logId, head);
    this.#savedOffset = offset;
    this.#headOffset = offset;
  }

  async #loadFromStore(): Promise<void> {
    const behind = this.#behind;
    const stat = await this.find();
    const { superseded } = this.log;
    this.#visibleFrom = 0;
    this.#skippedLines = null;
    if (!stat) {
      this.#logId = null;
      this.#loadedBehind = behind;
      this.#state = EMPTY_STATE;
      this.#messages = new PostedMessageIds();
      return;
    }
    const { logId } = stat;
    const followed = this.#store.owns(this.key) ? null : new FollowedLog(stat);
    const isAhead = this.#loadedSuperseded === superseded && this.#followed?.isOf(stat) === true;
    const ports = { store: this.#store, logger: this.#logger };
    const head = isAhead
      ? { state: this.#state, messages: this.#messages, offset: this.#headOffset }
      : await believedCheckpoint(ports, this.key, stat);
    this.#headOffset = head.offset;
    const { messages } = head;
    let { state } = head;
    let end = stat.end.raw;
    if (isImported(stat)) {
      const { mark, state: found } = await this.#legacyImports.prepare(this.log, stat, head);
      this.#visibleFrom = mark.visibleFrom;
      this.#skippedLines = mark.skippedLines;
      if (found) ({ state, end } = { state: found, end: found.offset });
    }
    if (!isAhead) this.#savedOffset = state.offset;
    for await (const event of readFacts(this.#store, this.key, { logId, start: state.offset, end }))
      state = foldEvent(state, event);
    this.#logId = logId;
    this.#followed = followed;
    this.#loadedBehind = behind;
    this.#loadedSuperseded = superseded;
    this.#state = state;
    this.#messages = messages;
    // so that the log is folded once, and a list knows what the agent does
    if (head.offset === NOT_BELIEVED) this.#saveLater();
  }
}
