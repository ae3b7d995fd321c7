import { bytesText, durationText, rateText } from "./units.ts";

/** How far something is. */
interface Advance {
  readonly phase: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** The output of a command that works on one session after the other. */
export interface Report {
  /** Moves the bar, if there is one. */
  advance(name: string, advance: Advance): void;
  /** One session is through: a line for people, or an object for programs. */
  line(text: string, facts: object): void;
  /** Something that people should know, and programs need not. */
  note(text: string): void;
}

export interface ReportOptions {
  /** Objects as JSON lines on the output, and nothing for people. */
  readonly json: boolean;
  readonly stdout?: Pick<NodeJS.WriteStream, "write">;
  readonly stderr?: Pick<NodeJS.WriteStream, "write" | "isTTY" | "columns">;
  readonly now?: () => number;
}

const REDRAW_MS = 100;
const BAR_CHARS = 24;
const CLEAR = "\r\u001b[K";

/** Lines on the output; on a terminal, a bar with bytes, rate and time left below them. */
export function createReport(options: ReportOptions): Report {
  const { json, stdout = process.stdout, stderr = process.stderr, now = Date.now } = options;
  const hasBar = !json && stderr.isTTY;
  let drawnAtMs = 0;
  let current = "";
  let startedAtMs = 0;

  function clear(): void {
    if (hasBar && drawnAtMs > 0) stderr.write(CLEAR);
    drawnAtMs = 0;
  }

  return {
    advance(name, advance) {
      if (!hasBar) return;
      const timeMs = now();
      if (current !== `${name} ${advance.phase}`) {
        current = `${name} ${advance.phase}`;
        startedAtMs = timeMs;
      }
      if (timeMs - drawnAtMs < REDRAW_MS) return;
      drawnAtMs = timeMs;
      const text = barText(current, advance, timeMs - startedAtMs);
      stderr.write(CLEAR + text.slice(0, Math.max(20, (stderr.columns || 80) - 1)));
    },

    line(text, facts) {
      clear();
      stdout.write(json ? `${JSON.stringify(facts)}\n` : `${text}\n`);
    },

    note(text) {
      clear();
      if (!json) stderr.write(`${text}\n`);
    },
  };
}

/** `demo/hello pack [######------]  45%  12.3 of 27.1 MiB  80 MiB/s  1 s left`. */
function barText(name: string, { doneBytes, totalBytes }: Advance, elapsedMs: number): string {
  const share = totalBytes === 0 ? 1 : doneBytes / totalBytes;
  const filled = Math.round(share * BAR_CHARS);
  const bar = "#".repeat(filled) + "-".repeat(BAR_CHARS - filled);
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  const leftMs = share > 0 ? (elapsedMs / share) * (1 - share) : Number.POSITIVE_INFINITY;
  const left = Number.isFinite(leftMs) ? `  ${durationText(leftMs)} left` : "";
  return `${name} [${bar}] ${percent}  ${bytesText(doneBytes)} of ${bytesText(totalBytes)}  ${rateText(doneBytes, elapsedMs)}${left}`;
}
