/** Posts a run to a session; throws unless it is accepted. */
export async function startRun(port: number, path: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}${path}/agui/run`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ messages: [{ id: "u1", role: "user", content: "go" }] }),
  });
  const body = await response.text();
  if (response.status !== 200) throw new Error(`the run was answered ${response.status}: ${body}`);
}
