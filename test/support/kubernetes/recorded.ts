import { readFileSync } from "node:fs";

/** An answer of the real API server, as `test/cluster/recorded.cluster.ts` has recorded it. */
export interface RecordedAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Reads an answer, with these names in place of those that it was recorded with. */
export function recorded(
  name: string,
  names: { project?: string; session?: string } = {},
): RecordedAnswer {
  const url = new URL(`recorded/${name}.json`, import.meta.url);
  const text = readFileSync(url, "utf8")
    .replaceAll("the-project", names.project ?? "the-project")
    .replaceAll("the-session", names.session ?? "the-session");
  return JSON.parse(text) as RecordedAnswer;
}
