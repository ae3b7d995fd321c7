import { type History, type Line, type Operation, type ReadEffect } from "./history.ts";
import type { Violation } from "./history.ts";

/** What is known of one incarnation's log: everything that anybody read of it, from its start. */
export interface KnownLog {
  readonly id: string;
  readonly lines: readonly Line[];
  /** Offset after each line. */
  readonly ends: readonly number[];
}

/** What the reads of a history know, or where two of them contradict each other. */
export type KnownLogs =
  | { readonly logs: readonly KnownLog[]; readonly fork: null }
  | { readonly fork: Violation };

interface Place {
  readonly line: Line;
  readonly by: Operation;
}

type Read = Operation & { readonly effect: ReadEffect };

/**
 * Puts together what was read. Bytes at an offset of a log are the same for everybody and for ever;
 * a read that says otherwise is a fork. What lies after a part that nobody read is not known.
 */
export function knownLogs({ operations }: History): KnownLogs {
  const reads = operations.filter((one): one is Read => one.effect.kind === "read");
  const places = new Map<string, Map<number, Place>>();
  const firsts = new Map<string, string>();
  for (const read of reads) {
    const { log, from } = read.effect;
    if (log === null) continue;
    const fork = enter(placesOf(places, log), read);
    if (fork) return { fork };
    const [first] = read.effect.lines;
    if (from === 0 && first) firsts.set(first.hash, log);
  }
  for (const read of reads) {
    const [first] = read.effect.lines;
    if (read.effect.log !== null || !first) continue;
    const log = firsts.get(first.hash);
    // whose beginning nobody else read: it may be any log
    if (log === undefined) continue;
    const fork = enter(placesOf(places, log), read);
    if (fork) return { fork };
  }
  return { logs: [...places].map(([id, at]) => assemble(id, at)), fork: null };
}

/**
 * Which log a read is of: where its answer does not say it, the one that begins with the same line, of
 * which there are no two. Null if that cannot be said.
 */
export function logOf({ log, lines }: ReadEffect, logs: readonly KnownLog[]): string | null {
  const [first] = lines;
  if (log !== null || !first) return log;
  return logs.find(({ lines: [own] }) => own?.hash === first.hash)?.id ?? null;
}

function placesOf(places: Map<string, Map<number, Place>>, log: string): Map<number, Place> {
  const at = places.get(log) ?? new Map<number, Place>();
  places.set(log, at);
  return at;
}

function enter(at: Map<number, Place>, read: Read): Violation | null {
  let offset = read.effect.from;
  for (const line of read.effect.lines) {
    const there = at.get(offset);
    if (there && (there.line.hash !== line.hash || there.line.bytes !== line.bytes))
      return {
        what: `two readers were given different lines at offset ${offset} of one log: "${there.line.name}" and "${line.name}"`,
        operations: [there.by, read],
      };
    if (!there) at.set(offset, { line, by: read });
    offset += line.bytes;
  }
  return null;
}

function assemble(id: string, at: ReadonlyMap<number, Place>): KnownLog {
  const lines: Line[] = [];
  const ends: number[] = [];
  for (let offset = 0, place = at.get(0); place; place = at.get(offset)) {
    offset += place.line.bytes;
    lines.push(place.line);
    ends.push(offset);
  }
  return { id, lines, ends };
}

/** The index of the line that begins at an offset, or null: the log has no line there. */
export function indexAt({ ends }: KnownLog, offset: number): number | null {
  if (offset === 0) return 0;
  let low = 0;
  let high = ends.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ends[middle] ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return ends[low] === offset ? low + 1 : null;
}
