import { emitName } from "./line-names.ts";
import { sayOf } from "./history.ts";

/** A member of the runner's events: which post of the run they answer, and their place in the answer. */
interface EventPlace {
  readonly post: number;
  readonly number: number;
}

interface KnownMembers {
  readonly type?: string;
  readonly name?: string;
  readonly runId?: string;
  readonly code?: string;
  readonly place?: EventPlace;
  readonly payload?: { readonly number?: number };
}

/** Events that the server may add by itself. */
const OWN_TYPES: ReadonlySet<string> = new Set(["RUN_STARTED", "RUN_ERROR", "MESSAGES_SNAPSHOT"]);
const SHOWN_CHARS = 120;

/** What a line of the log says (`line-names.ts`). */
export function nameOfLine(text: string): string {
  const { type, name, runId, code, place, payload }: KnownMembers = parsed(text);
  if (type === "META" && typeof payload?.number === "number") return `meta ${payload.number}`;
  if (runId === undefined) return `alien ${text.slice(0, SHOWN_CHARS)}`;
  // posted with every run, so that the line is stored again where a run is admitted again
  if (type === "CUSTOM" && name === "runlog:run-input") return sayOf(runId);
  if (place) return emitName({ run: runId, ...place, isLast: type === "RUN_FINISHED" });
  if (type !== undefined && OWN_TYPES.has(type)) return `own ${type} ${runId} ${code ?? "-"}`;
  return `alien ${text.slice(0, SHOWN_CHARS)}`;
}

function parsed(text: string): KnownMembers {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
