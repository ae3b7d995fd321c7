import type { Config } from "../../config.ts";

/** Names that people type, in place of addresses that stand for all of a machine. */
const ANY: ReadonlySet<string> = new Set(["0.0.0.0", "[::]"]);

/** What to do with a server that has just started: the address of its page, where it has one, and a request to paste; none in a cluster, where sessions are made by others. */
export function firstSteps(
  { auth, ui }: Pick<Config, "auth" | "ui">,
  listening: string,
): readonly string[] {
  if (auth.kind === "kubernetes") return [];
  const url = new URL(listening);
  if (ANY.has(url.hostname)) url.hostname = "127.0.0.1";
  const token = auth.kind === "none" ? "" : ` -H "Authorization: Bearer $RUNLOG_TOKEN"`;
  const body = '{"messages":[{"role":"user","content":"Hello"}]}';
  return [
    ...(ui ? [`open:  ${url.origin}/`] : []),
    `try:   curl -N ${url.origin}/api/projects/demo/agentic-sessions/hello/agui/run${token} -H 'Accept: text/event-stream' -H 'Content-Type: application/json' -d '${body}'`,
  ];
}
