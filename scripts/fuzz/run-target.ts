// One target in a process of its own: whoever started it notices also a hang that blocks everything.
import { endWithParent, sendToParent } from "../bench/child-script.ts";
import { loadTarget } from "./load-targets.ts";

/** Sent every second while inputs are tried, and once at the end. */
export interface TargetReport {
  readonly cases: number;
  readonly done: boolean;
  /** What broke the rule. */
  readonly failure?: string;
}

const REPORT_MS = 1_000;

endWithParent();
const {
  name,
  seed,
  timeMs,
}: { readonly name: string; readonly seed: number; readonly timeMs: number } = JSON.parse(
  process.argv[2] ?? "",
);

let cases = 0;
let reportedAtMs = 0;

function report(done: boolean, failure?: string): void {
  const message: TargetReport = { cases, done, ...(failure === undefined ? {} : { failure }) };
  sendToParent(message);
}

const target = await loadTarget(name);
try {
  await target.run({
    seed,
    timeMs,
    onCase() {
      cases += 1;
      if (Date.now() - reportedAtMs < REPORT_MS) return;
      reportedAtMs = Date.now();
      report(false);
    },
  });
  report(true);
} catch (error) {
  report(true, error instanceof Error ? error.message : String(error));
}
