import type { ListedLog, LogStore, SessionKey } from "../../src/ports/log-store.ts";
import type { SessionDirectory, SessionDocument } from "../../src/ports/session-directory.ts";

export interface LocalDirectoryOptions {
  readonly store: LogStore;
  /** URL of runners; `{session}` and `{project}` are filled in, percent-encoded. */
  readonly runnerUrl: string;
}

const PAGE = 500;

/**
 * A SessionDirectory for one machine: the sessions are those that the store holds a log of. It keeps
 * nothing of its own.
 */
export function createLocalDirectory({
  store,
  runnerUrl,
}: LocalDirectoryOptions): SessionDirectory {
  async function* logs(project?: string): AsyncGenerator<ListedLog> {
    let after: string | null = null;
    do {
      const page = await store.list({
        limit: PAGE,
        ...(project !== undefined && { project }),
        ...(after !== null && { after }),
      });
      yield* page.items;
      after = page.next;
    } while (after !== null);
  }

  return {
    async get(key) {
      const stat = await store.stat(key);
      return stat && documentOf({ ...key, logId: stat.logId, createdAtMs: stat.createdAtMs });
    },

    async *rows(project, { signal } = {}) {
      for await (const { session, createdAtMs } of logs(project)) {
        signal?.throwIfAborted();
        yield { session, createdAtMs, displayName: "", initialPrompt: "" };
      }
    },

    async projectsWith(session) {
      const projects: string[] = [];
      for await (const log of logs()) if (log.session === session) projects.push(log.project);
      return projects;
    },

    addressOf(key) {
      return Promise.resolve(fillIn(runnerUrl, key));
    },
  };
}

function fillIn(template: string, { project, session }: SessionKey): string {
  const url = template
    .replaceAll("{session}", encodeURIComponent(session))
    .replaceAll("{project}", encodeURIComponent(project));
  return url.endsWith("/") ? url : `${url}/`;
}

/** The session document (contract 3.1) of a session of which only its log is known. */
function documentOf({ project, session, logId, createdAtMs }: ListedLog): SessionDocument {
  return {
    apiVersion: "vteam.ambient-code/v1alpha1",
    kind: "AgenticSession",
    metadata: {
      name: session,
      namespace: project,
      uid: logId,
      creationTimestamp: new Date(createdAtMs).toISOString().replace(/\.\d+Z$/, "Z"),
    },
    spec: {
      displayName: "",
      llmSettings: { model: "", temperature: 0, maxTokens: 0 },
      timeout: 0,
    },
    status: { phase: "Running" },
    autoBranch: `ambient/${session}`,
  };
}
