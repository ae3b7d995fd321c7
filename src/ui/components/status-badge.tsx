const LOOKS: ReadonlyMap<string, readonly [text: string, look: string]> = new Map([
  ["working", ["working", "working"]],
  ["running", ["running", "working"]],
  ["waiting", ["queued", "quiet"]],
  ["waiting_input", ["waits for you", "waiting"]],
  ["interrupted", ["waits for you", "waiting"]],
  ["idle", ["idle", "quiet"]],
  ["finished", ["finished", "good"]],
  ["cancelled", ["cancelled", "quiet"]],
  ["error", ["failed", "bad"]],
  ["unended", ["unended", "bad"]],
]);

/** What a session's agent does, or what became of a run; any other text as it is. */
export function StatusBadge({ status }: { readonly status: string }) {
  const [text, look] = LOOKS.get(status) ?? [status, "quiet"];
  return <span class={`badge ${look}`}>{text}</span>;
}
