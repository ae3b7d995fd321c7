import type { Clock } from "../../src/ports/clock.ts";
import { hasCode, RunlogError } from "../../src/ports/errors.ts";
import { logIdTime } from "../../src/ports/log-id.ts";
import type { Logger } from "../../src/ports/logger.ts";
import {
  type AppendOptions,
  LOG_NAMES,
  type LogName,
  type LogStat,
  type SessionKey,
} from "../../src/ports/log-store.ts";
import { appendedKey, type IncarnationName, type ValueName } from "./keys.ts";
import type { Lease } from "./lease.ts";
import { type BucketAccess, findLogEnd } from "./log-end.ts";
import { LogWriter } from "./log-writer.ts";
import { putMark, removeMark } from "./marks.ts";
import { Merger } from "./merger.ts";
import { type PutOnce, putOnce } from "./put-once.ts";
import { SessionNotes } from "./session-notes.ts";
import { endsOf, findIncarnation, type StoredIncarnation } from "./stored-incarnation.ts";
import { checkDocument, checkHead } from "../../src/ports/log-values.ts";
import { labelled } from "../../src/stream/text/dns-label.ts";
import { SessionValue } from "./values.ts";

export interface WritingOptions {
  readonly clock: Clock;
  readonly logger: Pick<Logger, "warn">;
  readonly batchMs: number;
  readonly batchBytes: number;
  readonly garbageMs: number;
}

export interface OwnedSessionOptions extends WritingOptions {
  readonly access: BucketAccess;
  readonly key: SessionKey;
  readonly incarnation: StoredIncarnation;
  readonly lease: Lease;
  readonly ownerId: string;
}

interface PutPlace {
  readonly log: LogName;
  /** As `LogWriterOptions.put` has it. */
  readonly unfencedAt: number | null;
}

const NOTHING = new Uint8Array(0);
/** Times of arrival, which nobody waits for, travel with those of so many batches of events: a put has its price. */
const TIMES_BATCHES = 10;

/** A session that this process has the lease of: its ends and values are known without asking. */
export class OwnedSession {
  readonly key: SessionKey;
  readonly name: IncarnationName;
  readonly #access: BucketAccess;
  readonly #lease: Lease;
  readonly #ownerId: string;
  /** Begins the tags of what this process puts. */
  readonly #writer: string;
  readonly #writers: Readonly<Record<LogName, LogWriter>>;
  readonly #mergers: readonly Merger[];
  readonly #head: SessionValue;
  readonly #document: SessionValue;
  readonly #notes: SessionNotes;
  readonly #notesValue: SessionValue;
  /** Runs that were marked open here: the process that has their marks must have the session. */
  readonly #openRuns = new Set<string>();
  #gone = false;
  #lost = false;

  constructor(options: OwnedSessionOptions) {
    const { access, key, incarnation, lease, ownerId } = options;
    this.key = key;
    this.name = incarnation.name;
    this.#access = access;
    this.#lease = lease;
    this.#ownerId = ownerId;
    this.#writer = `${ownerId}.${lease.epoch}`;
    const value = (name: ValueName): SessionValue =>
      new SessionValue({
        access,
        key,
        logId: this.logId,
        name,
        epoch: lease.epoch,
        content: incarnation.values[name],
        storedAt: incarnation.values.storedAt[name],
        hold: () => this.hold(),
      });
    this.#head = value("head");
    this.#document = value("document");
    this.#notesValue = value("notes");
    this.#notes = new SessionNotes(
      this.#notesValue,
      incarnation.notes,
      () => this.#writers.raw.end,
    );
    const logs = LOG_NAMES.map((log) => [log, this.#openLog(options, log)] as const);
    this.#mergers = logs.map(([, { merger }]) => merger);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made from LOG_NAMES
    this.#writers = Object.fromEntries(logs.map(([log, { writer }]) => [log, writer])) as Record<
      LogName,
      LogWriter
    >;
    const { old } = incarnation.values;
    // left by former holders; whether it is gone makes no difference
    if (old.length > 0) access.bucket.delete(old).catch(() => {});
  }

  get logId(): string {
    return this.name.logId;
  }

  get stat(): LogStat {
    return {
      logId: this.logId,
      createdAtMs: logIdTime(this.logId),
      end: endsOf(this.#writers),
      head: this.#head.content,
      document: this.#document.content,
      notes: this.#notes.notes.all(),
    };
  }

  /**
   * Whether the cached ends and values are current: no other process can have written meanwhile.
   */
  get isCurrent(): boolean {
    return !this.#lost && this.#lease.isHeld;
  }

  /** Whether another process has it now, or has had it. */
  get isLost(): boolean {
    return this.#lost;
  }

  get isBusy(): boolean {
    return (
      this.#openRuns.size > 0 ||
      LOG_NAMES.some((log) => this.#writers[log].isBusy) ||
      this.#mergers.some((merger) => merger.isBusy) ||
      this.#head.isBusy ||
      this.#document.isBusy ||
      this.#notesValue.isBusy
    );
  }

  /** Puts what was taken over from a dead process where its late puts come after. */
  async renewValues(): Promise<void> {
    await Promise.all([this.#head.renew(), this.#document.renew(), this.#notes.renew()]);
  }

  /** Throws `log-not-found` unless this is the log with that id and it is still there. */
  assertIs(logId: string): void {
    if (this.#gone || logId !== this.logId)
      throw new RunlogError("log-not-found", "There is no such log");
  }

  /** Resolves if this process has the session, else rejects with `log-not-owned`. */
  async hold(): Promise<void> {
    await this.#lease.hold().catch((error: unknown) => this.#lose(error));
  }

  /** As `Lease.confirm`. */
  async #confirm(): Promise<void> {
    await this.#lease.confirm().catch((error: unknown) => this.#lose(error));
  }

  #lose(error: unknown): never {
    this.#lost = hasCode(error, "log-not-owned");
    throw error;
  }

  async append(
    pieces: readonly Uint8Array[],
    { log = "raw", expectedEnd, durable = false, note }: AppendOptions,
  ): Promise<number> {
    return this.#writers[log].append(pieces, expectedEnd, { durable, note: note ?? null });
  }

  async dropNote(noteKey: string): Promise<void> {
    await this.#writers.raw.dropNote(noteKey);
  }

  async setHead(head: Uint8Array): Promise<void> {
    checkHead(head);
    await this.#head.set(head);
  }

  async setDocument(document: Uint8Array): Promise<void> {
    checkDocument(labelled(this.key.session), document);
    await this.#document.set(document);
    await this.#confirm();
  }

  async markOpen(runId: string, data: string): Promise<void> {
    await this.hold();
    this.#openRuns.add(runId);
    const mark = { ...this.key, logId: this.logId, runId, data };
    await putMark(this.#access, mark, this.#ownerId);
  }

  async clearOpen(runId: string): Promise<void> {
    await this.hold();
    await removeMark(this.#access, { ...this.key, logId: this.logId, runId });
    this.#openRuns.delete(runId);
  }

  /**
   * Ends this incarnation for every writer there is or ever was: an object without bytes takes the place of
   * the next append. Nothing is accepted from here on.
   */
  async end(): Promise<void> {
    this.#gone = true;
    await this.#stopAll((writer) =>
      writer.stop(new RunlogError("log-not-found", "The log was deleted")),
    );
    await this.hold();
    const folder = this.#access.keys.logFolder(this.key, this.logId, "raw");
    const key = appendedKey(folder, this.#writers.raw.end);
    const tag = `${this.#writer}.end`;
    if ((await putOnce(this.#access, { key, bytes: NOTHING, tag })) === "landed") return;
    this.#lost = true;
    throw new RunlogError("log-not-owned", "Another server has the session; try again");
  }

  /** Puts what waits and comes to rest; refuses what comes then with `error`. */
  async finish(error: RunlogError): Promise<void> {
    await this.#stopAll((writer) => writer.finish(error));
  }

  /** Comes to rest, and lets other processes have the session. */
  async release(): Promise<void> {
    await this.finish(new RunlogError("store-busy", "The session is being given up; try again"));
    if (this.#lost) return;
    await this.#lease.release(this.#unfenced);
  }

  /** Whether a dead writer may still find a place free, which whoever has the session next has to know. */
  get hasUnfenced(): boolean {
    return !this.#lost && this.#unfenced.size > 0;
  }

  get #unfenced(): ReadonlySet<LogName> {
    return new Set(LOG_NAMES.filter((log) => this.#writers[log].isUnfenced));
  }

  async #stopAll(stop: (writer: LogWriter) => Promise<void>): Promise<void> {
    await Promise.all(LOG_NAMES.map((log) => stop(this.#writers[log])));
    await Promise.all(this.#mergers.map((merger) => merger.stop()));
    const values = [this.#head, this.#document, this.#notesValue];
    await Promise.all(values.map((value) => value.settled()));
  }

  #openLog(options: OwnedSessionOptions, log: LogName): { writer: LogWriter; merger: Merger } {
    const { access, clock, garbageMs, incarnation, logger } = options;
    const folder = access.keys.logFolder(this.key, this.logId, log);
    const merger = new Merger({
      access,
      clock,
      logger,
      folder,
      found: incarnation.logs[log],
      garbageMs,
      hasNotes: () => log === "raw" && this.#notes.isUsed,
    });
    const writer = new LogWriter({
      clock,
      batchMs: log === "times" ? TIMES_BATCHES * options.batchMs : options.batchMs,
      batchBytes: options.batchBytes,
      folder,
      end: incarnation.logs[log].end,
      writer: this.#writer,
      isUnfenced: this.#lease.unfenced.has(log),
      put: (put, unfencedAt) => this.#put(put, { log, unfencedAt }),
      notes: log === "raw" ? this.#notes : null,
      onPut: (segment, tag, durable) => merger.add(segment, tag, durable),
    });
    return { writer, merger };
  }

  async #put(put: PutOnce, { log, unfencedAt }: PutPlace): Promise<void> {
    await this.hold();
    const isFree = unfencedAt === null || (await this.#endsAt(log, unfencedAt));
    if (!isFree || (await putOnce(this.#access, put)) === "taken") {
      this.#lost = true;
      throw new RunlogError("log-fenced", "Another writer has the log");
    }
    if (!this.#lease.isHeld) await this.#checkStillThere(put.key);
  }

  async #endsAt(log: LogName, offset: number): Promise<boolean> {
    const { closed, end } = await findLogEnd(this.#access, this.key, this.logId, log);
    return !closed && end === offset;
  }

  /**
   * After a sleep: the put counts if its log still exists, whichever process has the session now.
   */
  async #checkStillThere(key: string): Promise<void> {
    const incarnation = await findIncarnation(this.#access, this.key);
    if (incarnation?.logId === this.logId) return;
    this.#lost = true;
    const { bucket, retry } = this.#access;
    await retry.until((signal) => bucket.delete([key], { signal }));
    throw new RunlogError("log-fenced", "The log was deleted");
  }
}
