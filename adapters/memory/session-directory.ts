import type { AccessVerb, Authorizer, Caller } from "../../src/ports/authorizer.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import { MAX_DOCUMENT_BYTES, type SessionKey } from "../../src/ports/log-store.ts";
import type { SessionDirectory, SessionDocument } from "../../src/ports/session-directory.ts";
import { bySessionAge, searchFor, type SessionRow } from "../../src/ports/session-order.ts";
import { idOf } from "../../src/ports/session-id.ts";

export interface MemoryDirectoryOptions {
  /** Asked before anything is done for a caller. */
  readonly authorizer: Pick<Authorizer, "allows">;
  /** Base URL of every session's runner, with a slash at its end. */
  readonly runnerUrl: string;
}

/**
 * A SessionDirectory in memory, whose sessions live outside the log store as in a cluster: each has
 * to be created, and what a caller may not do is refused. A session changes its phase by an update
 * alone.
 *
 * @example
 * ```ts
 * import { createMemoryAuthorizer, createMemoryDirectory } from "runlog/memory";
 *
 * const authorizer = createMemoryAuthorizer(new Map());
 * const directory = createMemoryDirectory({ authorizer, runnerUrl: "http://127.0.0.1:9000/" });
 * ```
 */
export function createMemoryDirectory(options: MemoryDirectoryOptions): SessionDirectory {
  const { authorizer, runnerUrl } = options;
  const documents = new Map<string, SessionDocument>();

  /** The directory as `caller` sees it, or as runlog itself does. */
  function seenBy(caller: Caller | null): SessionDirectory {
    async function check(verb: AccessVerb, project: string, session: string | null): Promise<void> {
      if (caller === null || (await authorizer.allows(caller, { project, session, verb }))) return;
      throw new RunlogError("access-denied", "Unauthorized");
    }

    return {
      logsMakeSessions: false,
      agents: [],

      as: (other) => seenBy(other),

      async get(key) {
        await check("get", key.project, key.session);
        return documents.get(idOf(key)) ?? null;
      },

      async create(key, session) {
        await check("create", key.project, null);
        if (documents.has(idOf(key)))
          throw new RunlogError("session-exists", "There is a session of this name");
        return put(newDocument(key, session));
      },

      async update(key, change) {
        await check("update", key.project, key.session);
        const before = documents.get(idOf(key));
        if (!before) return null;
        const after = change(before);
        const { name, namespace, uid } = before.metadata;
        return put({ ...after, metadata: { ...after.metadata, name, namespace, uid } });
      },

      async delete(key) {
        await check("delete", key.project, key.session);
        return documents.delete(idOf(key));
      },

      async page(project, { limit, offset, search }, { signal } = {}) {
        signal?.throwIfAborted();
        await check("list", project, null);
        const matches = searchFor(search);
        const rows = [...documents.values()]
          .filter(({ metadata }) => metadata.namespace === project)
          .map((document) => ({ ...rowOf(document), document }))
          .filter(matches)
          .sort(bySessionAge);
        const page = rows.slice(offset, offset + limit);
        return { documents: page.map(({ document }) => document), totalCount: rows.length };
      },

      async projectsWith(session) {
        return [...documents.values()]
          .filter(({ metadata }) => metadata.name === session)
          .map(({ metadata }) => metadata.namespace);
      },

      addressOf: () => Promise.resolve(runnerUrl),
    };
  }

  function put(document: SessionDocument): SessionDocument {
    const text = JSON.stringify(document);
    if (new TextEncoder().encode(text).length > MAX_DOCUMENT_BYTES)
      throw new RunlogError("document-too-large", "A document holds at most 256 KiB");
    const { name, namespace } = document.metadata;
    documents.set(idOf({ project: namespace, session: name }), document);
    return document;
  }

  return seenBy(null);
}

function newDocument(
  { project, session }: SessionKey,
  { metadata, spec }: Parameters<SessionDirectory["create"]>[1],
): SessionDocument {
  const llmSettings = { model: "", temperature: 0, maxTokens: 0 };
  return {
    apiVersion: "vteam.ambient-code/v1alpha1",
    kind: "AgenticSession",
    metadata: {
      ...metadata,
      name: session,
      namespace: project,
      uid: crypto.randomUUID(),
      creationTimestamp: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
    },
    spec: { displayName: "", llmSettings, timeout: 0, ...spec },
    autoBranch: `ambient/${session}`,
  };
}

function rowOf({ metadata, spec }: SessionDocument): SessionRow {
  return {
    session: metadata.name,
    createdAtMs: Date.parse(textOf(metadata["creationTimestamp"])),
    displayName: textOf(spec["displayName"]),
    initialPrompt: textOf(spec["initialPrompt"]),
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
