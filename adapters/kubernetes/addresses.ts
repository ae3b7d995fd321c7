import type { SessionKey } from "../../src/ports/log-store.ts";
import type { SessionDocument } from "../../src/ports/session-directory.ts";
import type { Registry } from "./registry.ts";

/** Where runners are in a cluster, unless configured otherwise. */
export const CLUSTER_RUNNER_URL = "http://session-{session}.{project}.svc.cluster.local:{port}/";

const DEFAULT_PORT = 8001;

/**
 * The base URL of a session's runner: `template` with `{session}`, `{project}` and `{port}` filled in.
 * The port is that of the session's runner type, looked up each time; `read` is asked only if needed.
 */
export async function runnerAddress(
  template: string,
  { project, session }: SessionKey,
  registry: Registry,
  read: () => Promise<SessionDocument | null>,
): Promise<string> {
  const port = template.includes("{port}") ? await portOf(await read(), registry) : DEFAULT_PORT;
  const url = template
    .replaceAll("{session}", encodeURIComponent(session))
    .replaceAll("{project}", encodeURIComponent(project))
    .replaceAll("{port}", String(port));
  return url.endsWith("/") ? url : `${url}/`;
}

async function portOf(document: SessionDocument | null, registry: Registry): Promise<number> {
  const variables = document?.spec["environmentVariables"];
  if (typeof variables !== "object" || variables === null) return DEFAULT_PORT;
  if (!("RUNNER_TYPE" in variables)) return DEFAULT_PORT;
  const types = await registry.read();
  return types?.get(String(variables.RUNNER_TYPE))?.port ?? DEFAULT_PORT;
}
