import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startServer } from "@langchain/langgraph-api/server";

/** Starts LangGraph's in-memory server for development with the graph `agent`; resolves with its host and port. */
export async function startLangGraph(): Promise<string> {
  // the server keeps files where it works
  const cwd = mkdtempSync(join(tmpdir(), "runlog-langgraph-"));
  process.once("exit", () => rmSync(cwd, { recursive: true, force: true }));
  process.once("SIGTERM", () => process.exit(0));
  const graph = fileURLToPath(new URL("langgraph-graph.ts", import.meta.url));
  const { host } = await startServer({
    port: 0,
    nWorkers: 4,
    host: "127.0.0.1",
    cwd,
    graphs: { agent: `${graph}:graph` },
  });
  return host;
}
