import type { Clock } from "../../src/ports/clock.ts";
import type { Logger } from "../../src/ports/logger.ts";
import { MAX_DELETED_KEYS } from "../../src/ports/object-bucket.ts";
import type { Segment } from "./keys.ts";
import type { BucketAccess, LogEnd } from "./log-end.ts";
import { groupsOf, mergeGroup, SMALL_BYTES } from "./merge.ts";

export interface MergerOptions {
  readonly access: Pick<BucketAccess, "bucket" | "retry">;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "warn">;
  readonly folder: string;
  /** The log as it was found. */
  readonly found: LogEnd;
  /** How long in ms what was merged stays, for readers that are on their way to it. */
  readonly garbageMs: number;
  /** Whether objects of the log may have notes. */
  readonly hasNotes: () => boolean;
}

/** As few as this are left alone at the end of a run. */
const MIN_SEGMENTS = 8;
/** So many are merged in mid-run. */
const MAX_SEGMENTS = 256;
/** In the tag of what must never be deleted, see `putTag`. */
const TAKEOVER_MARKER = "heir";

/**
 * The tag of a writer's put. What takes the place that a dead writer may still have a try under way for stays for
 * ever: a try that was only late must find its place taken.
 */
export function putTag(writer: string, number: number, isFence: boolean): string {
  return `${writer}.${isFence ? TAKEOVER_MARKER : "next"}.${number}`;
}

function isKeptForEver(tag: string): boolean {
  return tag.includes(`.${TAKEOVER_MARKER}.`);
}

/** Puts the many small objects of a log together, and deletes them later. */
export class Merger {
  readonly #options: MergerOptions;
  /** What is not merged, or only to something small, without gaps, the lowest start first. */
  #tail: Segment[];
  #merging: Promise<void> | null = null;
  #garbage: string[] = [];
  /** Segments that are known to fence no writer. */
  readonly #plain = new Set<string>();
  #cancelSweep: (() => void) | null = null;
  #sweeping: Promise<void> | null = null;
  #stopped = false;

  constructor(options: MergerOptions) {
    this.#options = options;
    const { latest } = options.found;
    const merged = latest.filter((segment) => segment.merged);
    const mergedEnd = merged.reduce((highest, { end }) => Math.max(highest, end), 0);
    this.#tail = latest.filter(({ start }) => start >= mergedEnd).toReversed();
    const last = merged.find(({ end }) => end === mergedEnd);
    if (last && last.end - last.start < SMALL_BYTES) this.#tail.unshift(last);
    // what a process that died was about to delete
    for (const { key, end, merged: isMerged } of latest)
      if (!isMerged && end <= mergedEnd) this.#throwAway([key]);
  }

  get isBusy(): boolean {
    return this.#merging !== null || this.#garbage.length > 0 || this.#sweeping !== null;
  }

  /** A segment was put; at the end of a run it is a good time. */
  add(segment: Segment, tag: string, atRunEnd: boolean): void {
    this.#tail.push(segment);
    if (!isKeptForEver(tag)) this.#plain.add(segment.key);
    const enough = atRunEnd ? MIN_SEGMENTS : MAX_SEGMENTS;
    if (this.#merging || this.#stopped || this.#tail.length < enough) return;
    this.#merging = this.#merge()
      .catch((error: unknown) => this.#options.logger.warn("log-not-merged", { error }))
      .finally(() => {
        this.#merging = null;
      });
  }

  /** Begins nothing any more, and resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelSweep?.();
    this.#garbage = [];
    await this.#merging;
    await this.#sweeping;
  }

  async #merge(): Promise<void> {
    const { access, folder } = this.#options;
    const before = this.#tail;
    for (const group of groupsOf(before)) {
      if (this.#stopped) return;
      const inside = before.filter(({ start, end }) => start >= group.start && end <= group.end);
      if (inside.length < 2) continue;
      const notes = await this.#notesOf(inside.at(-1)!);
      const merged = await mergeGroup(access, folder, { ...group, notes });
      this.#tail = this.#tail.filter((segment) => !inside.includes(segment));
      this.#plain.add(merged.key);
      if (group.end - group.start < SMALL_BYTES)
        this.#tail = [merged, ...this.#tail].sort((a, b) => a.start - b.start);
      this.#throwAway(inside.map(({ key }) => key));
    }
  }

  async #notesOf({ key }: Segment): Promise<string> {
    if (!this.#options.hasNotes()) return "";
    const { bucket, retry } = this.#options.access;
    const found = await retry.until((signal) => bucket.head(key, { signal }));
    return found?.notes ?? "";
  }

  #throwAway(keys: readonly string[]): void {
    this.#garbage.push(...keys);
    if (this.#stopped) return;
    this.#cancelSweep ??= this.#options.clock.after(this.#options.garbageMs, () => {
      this.#cancelSweep = null;
      this.#sweeping = this.#sweep()
        .catch((error: unknown) => this.#options.logger.warn("garbage-not-deleted", { error }))
        .finally(() => {
          this.#sweeping = null;
        });
    });
  }

  async #sweep(): Promise<void> {
    const { bucket, retry } = this.#options.access;
    const keys = this.#garbage;
    this.#garbage = [];
    for (let from = 0; from < keys.length; from += MAX_DELETED_KEYS) {
      const some = keys.slice(from, from + MAX_DELETED_KEYS);
      const kept = await Promise.all(some.map((key) => this.#isKept(key)));
      const gone = some.filter((_, index) => !kept[index]);
      if (gone.length > 0) await retry.until((signal) => bucket.delete(gone, { signal }));
    }
  }

  async #isKept(key: string): Promise<boolean> {
    if (this.#plain.delete(key)) return false;
    const { bucket, retry } = this.#options.access;
    const found = await retry.until((signal) => bucket.head(key, { signal }));
    return isKeptForEver(found?.tag ?? "");
  }
}
