/** Brings the bytes of all these sessions back from the archive; resolves with what went wrong. */
export async function restoreSessions(
  port: number,
  sessions: readonly { readonly session: string; readonly path: string }[],
): Promise<string[]> {
  const violations: string[] = [];
  for (const { session, path } of sessions) {
    const url = `http://127.0.0.1:${port}${path}/restore`;
    const response = await fetch(url, { method: "POST" });
    const text = await response.text();
    if (response.status !== 200)
      violations.push(`${session}: restore answered ${response.status}: ${text}`);
  }
  return violations;
}
