import { RunlogError } from "../../src/ports/errors.ts";
import type { ListedLog, LogStat, SessionKey } from "../../src/ports/log-store.ts";
import {
  DESIRED_PHASE,
  type NewSession,
  type SessionDocument,
} from "../../src/ports/session-directory.ts";

/** What is known of a session's log. */
export type KnownLog = Pick<LogStat, "logId" | "createdAtMs" | "document">;

/** The document of a session that is being made; its log is there. */
export function newDocument(
  key: SessionKey,
  { metadata, spec }: NewSession,
  { createdAtMs }: KnownLog,
): SessionDocument {
  const uid = crypto.randomUUID();
  const document = minimalDocument(key, { uid, createdAtMs });
  return withPhase({
    ...document,
    metadata: { ...document.metadata, ...metadata },
    spec: { ...document.spec, ...spec },
  });
}

/**
 * The session's document: the stored one, or a minimal one for a session that only has a log. A
 * document that cannot be read counts as missing, so that a list still has its row.
 */
export function documentOf(key: SessionKey, log: KnownLog): SessionDocument {
  const known = minimalDocument(key, { ...log, uid: log.logId });
  const document = readDocument(log.document);
  if (!document) return known;
  // whatever became of the rest: whose it is is known
  const { name, namespace } = known.metadata;
  return {
    ...known,
    ...document,
    metadata: { ...known.metadata, ...document.metadata, name, namespace },
    // one that only says a long name has nothing in it
    spec: { ...known.spec, ...readableSpec(document.spec) },
  };
}

/** The spec without texts that are none, as a disk that lost its power may have left them. */
function readableSpec(spec: SessionDocument["spec"]): SessionDocument["spec"] {
  const isReadable = ([name, value]: [string, unknown]): boolean =>
    !TEXTS.has(name) || typeof value === "string";
  return Object.fromEntries(Object.entries(spec).filter(isReadable));
}

const TEXTS: ReadonlySet<string> = new Set(["displayName", "initialPrompt"]);

/** Whether the log has a document that cannot be read. */
export function isOddDocument({ document }: KnownLog): boolean {
  return document !== null && readDocument(document) === null;
}

/** The document of a session whose log is listed and cannot be read. */
export function documentOfListed(log: ListedLog): SessionDocument {
  return minimalDocument(log, { ...log, uid: log.logId });
}

/** As `documentOf`, but throws `store-failed` rather than have an unreadable document overwritten. */
export function writableDocument(key: SessionKey, log: KnownLog): SessionDocument {
  if (isOddDocument(log))
    throw new RunlogError("store-failed", "The session's document cannot be read");
  return documentOf(key, log);
}

/** `after` with what is not for an update to change: the identity, and the phase that follows. */
export function changedDocument(before: SessionDocument, after: SessionDocument): SessionDocument {
  const { name, namespace, uid } = before.metadata;
  return withPhase({ ...after, metadata: { ...after.metadata, name, namespace, uid } });
}

export function encodeDocument(document: SessionDocument): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(document));
}

function readDocument(bytes: Uint8Array | null): SessionDocument | null {
  try {
    const value: unknown = bytes && JSON.parse(new TextDecoder().decode(bytes));
    return isDocument(value) ? value : null;
  } catch {
    return null;
  }
}

/** Only `encodeDocument` writes documents; a disk that was full, or lost its power, gives back anything. */
function isDocument(value: unknown): value is SessionDocument {
  if (!isObject(value)) return false;
  const { metadata, spec, status = {} } = value;
  if (!isObject(metadata) || !isObject(spec) || !isObject(status)) return false;
  const { uid = "", creationTimestamp = "", annotations = {}, labels = {} } = metadata;
  return (
    typeof uid === "string" &&
    typeof creationTimestamp === "string" &&
    isObject(annotations) &&
    isObject(labels)
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The document with its desired phase as its phase, since nothing here has to bring the session to
 * it.
 */
function withPhase(document: SessionDocument): SessionDocument {
  const isStopped = document.metadata.annotations?.[DESIRED_PHASE] === "Stopped";
  return { ...document, status: { ...document.status, phase: isStopped ? "Stopped" : "Running" } };
}

/** The smallest document of a session (PROTOCOL 7.2). */
function minimalDocument(
  { project, session }: SessionKey,
  { uid, createdAtMs }: { readonly uid: string; readonly createdAtMs: number },
): SessionDocument {
  return {
    apiVersion: "vteam.ambient-code/v1alpha1",
    kind: "AgenticSession",
    metadata: {
      name: session,
      namespace: project,
      uid,
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
