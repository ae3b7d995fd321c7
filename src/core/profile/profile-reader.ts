import type { LogName, LogReader, SessionKey } from "../../ports/log-store.ts";
import type { ByteBudget, ByteLease } from "../../stream/sync/byte-budget.ts";
import { concatBytes } from "../../stream/bytes/concat.ts";
import { JsonObjectScanner } from "../../stream/json/json-scan.ts";
import type { TimeSlicer } from "../../stream/sync/time-slicer.ts";
import { inTurns, type Rest, type Steps } from "../../stream/sync/steps.ts";
import { cursorPrefix, type LogPlace } from "../model/cursor.ts";
import { eventType } from "../model/event-types.ts";
import type { LogChunk } from "../replay/log-follower.ts";
import { DeltaSplitter } from "./delta-splitter.ts";
import { isOutOfBounds, MAX_MEMBERS, parseAhead } from "./repair/event-bounds.ts";
import { ParsedEvent, LONG_BYTES } from "./repair/parsed-event.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { MAX_EVENT_BYTES } from "./repair/max-event-bytes.ts";
import type { HeldRange, LineRange } from "./held-events.ts";
import { LineSplitter, type SplitLine } from "./line-splitter.ts";
import type { ProfileStream } from "./profile-stream.ts";
import type { Pushed, StartingRun } from "./starting-run.ts";

export interface ProfileReaderOptions {
  readonly key: SessionKey;
  readonly store: Pick<LogReader, "stat" | "read">;
  readonly profile: ProfileStream;
  readonly writer: FrameWriter;
  /** Memory of the process for long lines. */
  readonly lineBudget: ByteBudget;
  /**
   * The turns in which lines are processed, so that a long history does not block the event loop.
   */
  readonly turns: TimeSlicer;
  readonly signal: AbortSignal;
}

/** The member with the id of what an event of this type appends to, or null. */
function deltaIdOf(type: string): string | null {
  const item = eventType(type)?.item;
  return item?.step === "delta" ? item.idKey : null;
}

/** The facts of an event that is too large to be held. */
interface EventFacts {
  readonly type: string;
  readonly id: string | null;
  readonly runId: string | null;
  readonly threadId: string | null;
  readonly code: string | null;
}

const FACTS = [
  "type",
  "messageId",
  "toolCallId",
  "runId",
  "run_id",
  "threadId",
  "thread_id",
  "code",
];

type TakeLine = (event: ParsedEvent, cursor: string, range: LineRange) => Pushed;
type TakeHeld = (event: ParsedEvent, range: HeldRange, cursor: string) => Rest;

/** Chunks of frames. */
export type Frames = AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>;

/**
 * Feeds a `ProfileStream` with the chunks of a log follower, and with the lines that it held: those
 * are read again from the store when their run begins. Yields frames, about as many bytes as a
 * chunk has.
 */
export class ProfileReader {
  readonly #options: ProfileReaderOptions;
  readonly #lease: ByteLease;
  #splitter: LineSplitter | null = null;
  #place: LogPlace | null = null;
  /** The chunk that is being fed: most held lines lie in it, and need not be read again. */
  #chunk: LogChunk | null = null;
  /** The logs that were read: held lines may lie in the previous one. */
  readonly #places = new Map<LogName, LogPlace>();

  constructor(options: ProfileReaderOptions) {
    this.#options = options;
    this.#lease = options.lineBudget.lease();
  }

  /** Goes on where the log was read up to before: lines that are held may lie in it. */
  goOnIn(place: LogPlace): void {
    this.#place = place;
    this.#places.set(place.log, place);
  }

  /** Releases the memory. */
  close(): void {
    this.#lease.release();
  }

  async *feed(chunk: LogChunk): Frames {
    const { place, start, bytes } = chunk;
    this.#chunk = chunk;
    if (this.#place !== place || !this.#splitter) {
      this.#place = place;
      this.#places.set(place.log, place);
      this.#splitter = new LineSplitter(place.log, start);
    }
    const { profile } = this.#options;
    const push: TakeLine = (event, cursor, line) => profile.push(event, line, cursor);
    for (const line of this.#splitter.push(bytes, start)) {
      if (this.#options.signal.aborted) return;
      const starting = yield* this.#line(place, line, push);
      if (starting) yield* this.#begin(starting);
    }
    this.#chunk = null;
    yield* this.#written(true);
    await this.#makeRoom(this.#splitter);
  }

  /** The end of the log, as far as it is known, was reached. */
  async *caughtUp(): Frames {
    await this.#rest(() => this.#options.profile.caughtUp());
    yield* this.#written(true);
  }

  /** The end of the stream: sends everything that is left, and the end of the run. */
  async *finish(): Frames {
    const { profile } = this.#options;
    const isOwn = profile.openRun === null;
    const starting = profile.prepareEnd();
    if (starting) yield* this.#begin(starting);
    yield* this.#held(profile.takeRest(), (...held) => profile.pushHeld(...held));
    await this.#rest(() => profile.end({ isOwn }));
    yield* this.#written(true);
  }

  /** Removes and returns the inputs of runs that have not begun. */
  async takeHeldInputs(): Promise<ParsedEvent[]> {
    const inputs: ParsedEvent[] = [];
    const take: TakeHeld = (event, { kind }) => {
      if (kind === "input") inputs.push(event.copy());
      return undefined;
    };
    await this.#held(this.#options.profile.takeRest(), take).next();
    return inputs;
  }

  /**
   * Passes the event in a line to `take`, or sends one that is too large to be held in its own way.
   * Returns the run that it begins, or null.
   */
  async *#line(
    place: LogPlace,
    line: SplitLine,
    take: TakeLine,
  ): AsyncGenerator<Uint8Array<ArrayBuffer>, StartingRun | null, undefined> {
    const { pieces } = line;
    if (pieces === null) {
      yield* this.#written();
      yield* this.#large(place, line);
      return null;
    }
    const isLong = line.end - line.start > LONG_BYTES;
    const read = isLong ? await inTurns(readLong(pieces), this.#options.turns) : null;
    if (read === "out-of-bounds") {
      yield* this.#written();
      yield* this.#large(place, line);
      return null;
    }
    return this.#pushed(() => {
      const event = isLong ? read : ParsedEvent.read(concatBytes(pieces));
      return event ? take(event, cursorOf(place, line), line) : null;
    });
  }

  /** Completes a `Rest` in turns of the event loop. */
  async #rest(begin: () => Rest): Promise<void> {
    const { turns, signal } = this.#options;
    const rest = await turns.run(async () => begin());
    if (rest) await inTurns(whileWanted(rest, signal), turns);
  }

  /** The same for what a line comes to. */
  async #pushed(begin: () => Pushed): Promise<StartingRun | null> {
    const { turns, signal } = this.#options;
    const pushed = await turns.run(async () => begin());
    if (pushed === null || !("next" in pushed)) return pushed;
    return (await inTurns(whileWanted(pushed, signal), turns)) ?? null;
  }

  /**
   * A run begins: the snapshots held for it go into its RUN_STARTED, the other held events follow
   * it.
   */
  async *#begin(starting: StartingRun): Frames {
    const { profile } = this.#options;
    yield* this.#held(starting.takeHeldSnapshots(), (event) => starting.inject(event));
    await this.#rest(() => starting.begin());
    yield* this.#held(starting.takeHeldEvents(), (...held) => profile.pushHeld(...held));
  }

  async *#held(ranges: readonly HeldRange[], take: TakeHeld): Frames {
    for (const range of ranges) {
      const place = this.#places.get(range.log);
      if (!place) continue;
      const splitter = new LineSplitter(range.log, range.start);
      for await (const bytes of this.#read(range)) {
        for (const line of splitter.push(bytes)) {
          yield* this.#line(place, line, (event, cursor) =>
            nothingAfter(take(event, range, cursor)),
          );
        }
        yield* this.#written();
      }
    }
  }

  async *#read({ log, start, end }: LineRange): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const fed = this.#chunk;
    if (fed?.place.log === log && start >= fed.start && end <= fed.end) {
      yield fed.bytes.subarray(start - fed.start, end - fed.start);
      return;
    }
    const { key, signal, store } = this.#options;
    const logId = this.#place?.logId ?? "";
    const reader = store.read(key, { logId, log, start, end, signal }).getReader();
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        yield value;
      }
    } finally {
      await reader.cancel().catch(() => {
        // the read ends by the signal; its error has no receiver
      });
    }
  }

  /**
   * Sends an event that is too large for one frame: a delta in pieces, of any other event where it
   * can be fetched.
   */
  async *#large(place: LogPlace, range: LineRange): Frames {
    const { profile } = this.#options;
    const cursor = cursorOf(place, range);
    const facts = await this.#facts(range);
    const idKey = deltaIdOf(facts.type);
    if (idKey !== null && facts.id !== null && profile.canContinue(facts.type, facts.id)) {
      const before = `{"type":"${facts.type}","${idKey}":${JSON.stringify(facts.id)},"delta":"`;
      const splitter = new DeltaSplitter();
      const push = (event: ParsedEvent): Promise<unknown> =>
        this.#pushed(() => profile.push(event, range, cursor));
      for await (const bytes of this.#read(range)) {
        for (const piece of splitter.push(bytes))
          await push(ParsedEvent.around(before, piece, '"}'));
        yield* this.#written();
      }
      const last = splitter.finish();
      if (last) await push(ParsedEvent.around(before, last, '"}'));
    } else yield* this.#undelivered(range, cursor, facts);
    yield* this.#written();
  }

  /**
   * Sends a CUSTOM event with the place where the event can be fetched; one that begins or ends a
   * run still does.
   */
  async *#undelivered(range: LineRange, cursor: string, facts: EventFacts): Frames {
    const { profile } = this.#options;
    const { type, code, runId, threadId } = facts;
    const value = { type, size: range.end - range.start - 1, cursor };
    const said = ParsedEvent.of({ type: "CUSTOM", name: "runlog:large-event", value });
    const bare = ParsedEvent.of(withoutNull({ type, runId, threadId, code }));
    if (type === "RUN_STARTED") {
      const starting = await this.#pushed(() => profile.push(bare, range, cursor));
      if (starting) yield* this.#begin(starting);
    }
    await this.#pushed(() => profile.pushLarge(facts, said, range, cursor));
    if (type === "RUN_FINISHED" || type === "RUN_ERROR")
      await this.#pushed(() => profile.push(bare, range, cursor));
  }

  async #facts(range: LineRange): Promise<EventFacts> {
    const scanner = new JsonObjectScanner(FACTS);
    for await (const bytes of this.#read(range)) scanner.push(bytes, 0, bytes.length);
    const type = scanner.value("type") ?? "";
    const id = scanner.value(deltaIdOf(type) ?? "messageId");
    const [runId, threadId, code] = [
      scanner.value("runId") ?? scanner.value("run_id"),
      scanner.value("threadId") ?? scanner.value("thread_id"),
      scanner.value("code"),
    ];
    return { type, id, runId, threadId, code };
  }

  /** What was written; with `isWhole` everything that the lines so far come to. */
  async *#written(isWhole = false): Frames {
    const { turns, writer } = this.#options;
    const bytes = await inTurns(writer.takeInSteps({ isWhole }), turns);
    if (bytes) yield bytes;
  }

  /**
   * Waits for the memory of a long line, all of it at once, so that no two readers wait for each
   * other half-way.
   */
  async #makeRoom({ carried }: LineSplitter): Promise<void> {
    const { signal } = this.#options;
    if (carried <= LONG_BYTES) this.#lease.release();
    else if (this.#lease.heldBytes === 0) await this.#lease.grow(MAX_EVENT_BYTES, { signal });
  }
}

/** A long event with what is needed of it parsed, unless that is too much. */
function* readLong(
  pieces: readonly Uint8Array<ArrayBuffer>[],
): Steps<ParsedEvent | "out-of-bounds" | null> {
  const event = yield* ParsedEvent.readInSteps(pieces, MAX_MEMBERS);
  if (!event) return null;
  if (yield* isOutOfBounds(event)) return "out-of-bounds";
  yield* parseAhead(event);
  return event;
}

/** Runs the work in turns; undefined where the stream is closed before it ends. */
function* whileWanted<T>(work: Steps<T>, signal: AbortSignal): Steps<T | undefined> {
  while (!signal.aborted) {
    const step = work.next();
    if (step.done) return step.value;
    yield;
  }
  return undefined;
}

/** What is held begins no run. */
function nothingAfter(rest: Rest): Pushed {
  return rest ? afterSteps(rest) : null;
}

function* afterSteps(rest: Steps): Steps<null> {
  yield* rest;
  return null;
}

function withoutNull(event: Readonly<Record<string, string | null>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(event).filter(([, value]) => value !== null));
}

function cursorOf(place: LogPlace, { end }: LineRange): string {
  return `${cursorPrefix(place)}${end}`;
}
