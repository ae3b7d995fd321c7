import { RunlogError } from "../../ports/errors.ts";
import { isLogId } from "../../ports/log-id.ts";

/** A position in a stream: in which log, after which byte of it, and for a run's stream where reading has to begin to know the run. */
export interface StreamOffset {
  readonly logId: string;
  readonly offset: number;
  /** Where the search for the run begins; null in a session's stream. */
  readonly runFrom: number | null;
}

/** What a client asks for: a position, the beginning, or the end as it is now. */
export type AskedOffset = StreamOffset | "start" | "now";

/** Stands for the log of a session that has none yet. */
export const NO_LOG: string = "0".repeat(16);

/** As many digits as the largest offset has, so that offsets sort as texts do. */
const DIGITS = 16;
const FORM = /^([a-z0-9]{16})_(\d{16})(?:_(\d{16}))?$/;

/** `<logId>_<offset>`, and for a run's stream `<logId>_<offset>_<runFrom>`: opaque on the wire. */
export function formatOffset({ logId, offset, runFrom }: StreamOffset): string {
  const parts = [logId, digits(offset), ...(runFrom === null ? [] : [digits(runFrom)])];
  return parts.join("_");
}

/** The position in `?offset=`; the beginning where it is not given. Throws `invalid-input`. */
export function parseOffset(text: string | undefined, kind: "session" | "run"): AskedOffset {
  if (text === undefined || text === "-1") return "start";
  if (text === "now") return "now";
  const [, logId = "", offset, runFrom] = FORM.exec(text) ?? [];
  if (!isLogId(logId) || (runFrom === undefined) !== (kind === "session")) throw invalidOffset();
  const at = {
    logId,
    offset: Number(offset),
    runFrom: runFrom === undefined ? null : Number(runFrom),
  };
  if (
    !Number.isSafeInteger(at.offset) ||
    !Number.isSafeInteger(at.runFrom ?? 0) ||
    (at.runFrom ?? 0) > at.offset
  )
    throw invalidOffset();
  return at;
}

/** No stream has given this offset to anybody. */
export function invalidOffset(): RunlogError {
  return new RunlogError("invalid-input", "Invalid offset: -1, now, or one that the stream gave");
}

function digits(offset: number): string {
  return String(offset).padStart(DIGITS, "0");
}
