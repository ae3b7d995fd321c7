/** What becomes of a test of the conformance suite, and why, as `verdicts.json` keeps it. */
export type Verdict = "passed" | "carried" | "refused" | Reason;

type Reason = keyof typeof REASONS;

/** Why a test does not apply: what it asks for that a session's stream has not, and how a server that is asked for it refuses. */
export const REASONS = {
  "content-type": {
    text: "is about other content types than JSON",
    refusal: /application\/json/,
  },
  values: { text: "stores JSON values that are no objects", refusal: /is not a JSON object/ },
  fork: { text: "asks for a fork", refusal: /^Stream-Fork/ },
  expiry: { text: "asks for an expiry", refusal: /does not expire/ },
  closure: { text: "closes the stream by a request", refusal: /stays open/ },
  "stream-seq": { text: "numbers its writes by Stream-Seq", refusal: /^Stream-Seq/ },
  subscriptions: { text: "subscriptions, which the suite skips unless asked", refusal: null },
} as const satisfies Record<string, { text: string; refusal: RegExp | null }>;

/** A test as it went. */
export interface TestRun {
  readonly state: "passed" | "failed" | "skipped" | "pending";
  readonly refusals: readonly string[];
}

/**
 * What a test went like, with a server as it is, and with one to which other content types are carried: `refused` where it
 * passes while what it asks for is refused as not offered. Null where it fails and nothing was refused to it for that: then the
 * server is at fault.
 */
export function verdictOf(asIs: TestRun, carrying: TestRun, wasPassed: boolean): Verdict | null {
  if (asIs.state === "passed") return asksForMore(asIs) ? "refused" : "passed";
  if (asIs.state === "skipped") return "subscriptions";
  if (carrying.state === "passed") return asksForMore(carrying) ? "refused" : "carried";
  return reasonOf(carrying.refusals) ?? (wasPassed ? null : reasonOf(asIs.refusals));
}

/** Whether it asks for something beside other content that is not offered. */
function asksForMore({ refusals }: TestRun): boolean {
  const others = refusals.filter((one) => !REASONS["content-type"].refusal.test(one));
  const reason = reasonOf(others);
  return reason !== null && reason !== "values";
}

/** What the first request asked for that was refused as not offered. */
function reasonOf(refusals: readonly string[]): Reason | null {
  for (const refusal of refusals)
    for (const [reason, { refusal: form }] of Object.entries(REASONS))
      if (form?.test(refusal)) return reason as Reason;
  return null;
}
