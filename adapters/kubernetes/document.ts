import type { NewSession, SessionDocument } from "../../src/ports/session-directory.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import type { SessionRow } from "../../src/ports/session-order.ts";
import { SESSION_API, type SessionResource } from "./resources.ts";

type Fields = Readonly<Record<string, unknown>>;

const NO_SETTINGS: Fields = { model: "", temperature: 0, maxTokens: 0 };

/** The document of a session's resource (PROTOCOL 7.2): what is unset is filled in, nothing dropped. */
export function documentOf({ metadata, spec = {}, status }: SessionResource): SessionDocument {
  const { managedFields: _, name, namespace = "", uid, ...rest } = metadata;
  return {
    apiVersion: SESSION_API,
    kind: "AgenticSession",
    metadata: { name, namespace, uid, ...rest },
    spec: {
      ...spec,
      displayName: spec["displayName"] ?? "",
      llmSettings: { ...NO_SETTINGS, ...fieldsOf(spec["llmSettings"]) },
      timeout: spec["timeout"] ?? 0,
    },
    ...(status && { status }),
    autoBranch: `ambient/${name}`,
  };
}

/** The resource of a session that is to be made. */
export function newResource(
  { project, session }: SessionKey,
  { metadata, spec }: NewSession,
): unknown {
  return {
    apiVersion: SESSION_API,
    kind: "AgenticSession",
    metadata: { ...metadata, name: session, namespace: project },
    spec,
  };
}

/** `before` as the changed document `after` wants it: its identity and version stay as they are. */
export function changedResource(before: SessionResource, after: SessionDocument): unknown {
  const { name, namespace, uid, resourceVersion, managedFields } = before.metadata;
  return {
    apiVersion: SESSION_API,
    kind: "AgenticSession",
    metadata: { ...after.metadata, name, namespace, uid, resourceVersion, managedFields },
    spec: unfilled(before.spec ?? {}, after.spec),
    status: before.status,
  };
}

export function rowOf({ metadata, spec = {} }: SessionResource): SessionRow {
  return {
    session: metadata.name,
    createdAtMs: Date.parse(metadata.creationTimestamp),
    displayName: textOf(spec["displayName"]),
    initialPrompt: textOf(spec["initialPrompt"]),
  };
}

/** `after` without members that only the document had filled in and that are unchanged. */
function unfilled(before: Fields, after: Fields): Fields {
  const spec = withoutFillers(before, after, { displayName: "", timeout: 0 });
  const settings = withoutFillers(
    fieldsOf(before["llmSettings"]),
    fieldsOf(after["llmSettings"]),
    NO_SETTINGS,
  );
  const { llmSettings: _, ...rest } = spec;
  const hasSettings = "llmSettings" in before || Object.keys(settings).length > 0;
  return hasSettings && "llmSettings" in after ? { ...rest, llmSettings: settings } : rest;
}

function withoutFillers(before: Fields, after: Fields, fillers: Fields): Fields {
  return Object.fromEntries(
    Object.entries(after).filter(
      ([name, value]) => name in before || !(name in fillers) || value !== fillers[name],
    ),
  );
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
