/** Follows the events of a stream of the standard profile. */
export interface ToldRuns {
  /** Takes the text of the next event. Throws for what no client of the standard takes here. */
  take(text: string): void;
  /** Whether a run is open: then the stream may not end. */
  readonly isOpen: boolean;
}

const TERMINALS: ReadonlySet<string> = new Set(["RUN_FINISHED", "RUN_ERROR"]);

/** Events are JSON objects of a type; each run has a beginning and an end, and nothing is between. */
export function createToldRuns(): ToldRuns {
  let isOpen = false;
  return {
    take(text) {
      const { type }: { type?: unknown } = Object(JSON.parse(text));
      if (typeof type !== "string") throw new Error(`no event: ${text}`);
      if (isOpen === (type === "RUN_STARTED"))
        throw new Error(`${isOpen ? "inside of a run" : "outside of all runs"}: ${text}`);
      if (type === "RUN_STARTED") isOpen = true;
      if (TERMINALS.has(type)) isOpen = false;
    },
    get isOpen() {
      return isOpen;
    },
  };
}
