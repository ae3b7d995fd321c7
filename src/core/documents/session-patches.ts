import { RunlogError } from "../../ports/errors.ts";
import { DESIRED_PHASE, type SessionDocument } from "../../ports/session-directory.ts";
import {
  integerField,
  invalidBody,
  isObject,
  type JsonObject,
  textField,
  withoutUndefined,
} from "../model/json-fields.ts";
import { llmSettingsField, mcpServersOf, PARENT_SESSION } from "./new-session.ts";

/** A change of a session's document: returns the new one; pure (`SessionDirectory.update`). */
export type SessionChange = (document: SessionDocument) => SessionDocument;

const RESERVED_PREFIX = "ambient-code.io/";
const START_REQUESTED = `${RESERVED_PREFIX}start-requested-at`;
const STOP_REQUESTED = `${RESERVED_PREFIX}stop-requested-at`;
const MAX_DISPLAY_NAME = 50;

/** Sets annotations, or removes those that are null. Throws `invalid-input` for any other body. */
export function annotationsPatch(body: JsonObject): SessionChange {
  const metadata = onlyMember(body, "metadata");
  const patch = onlyMember(metadata, "annotations");
  const values = Object.entries(patch).map(([key, value]): [string, string | null] => {
    if (typeof value !== "string" && value !== null) throw invalidBody();
    return [key, value];
  });
  for (const [key] of values)
    if (key.startsWith(RESERVED_PREFIX))
      throw new RunlogError("invalid-input", `Reserved annotation: ${key}`);
  return (document) => annotated(document, values);
}

/**
 * Changes the spec: `initialPrompt`, `displayName`, `timeout`, `llmSettings` (as a whole) and
 * `mcpServers` (an empty one is removed); other members are ignored. Throws `invalid-input`; the
 * change throws `session-running` unless `mcpServers` is all that is given.
 */
export function specChange(body: JsonObject): SessionChange {
  const settings = llmSettingsField(body);
  const fields = withoutUndefined({
    initialPrompt: textField(body, "initialPrompt"),
    displayName: textField(body, "displayName"),
    timeout: integerField(body, "timeout"),
    llmSettings: settings && { model: "", temperature: 0, maxTokens: 0, ...withoutNull(settings) },
  });
  const mcpServers = mcpServersOf(body);
  const isAnyTime = mcpServers !== undefined && Object.keys(fields).length === 0;
  return (document) => {
    if (!isAnyTime) refuseWhileRunning(document);
    const spec = { ...document.spec, ...fields };
    if (mcpServers === undefined) return { ...document, spec };
    const servers = mcpServers ?? undefined;
    return { ...document, spec: withoutUndefined({ ...spec, mcpServers: servers }) };
  };
}

/** Sets the display name. Throws `invalid-input` if it is missing or invalid. */
export function displayNameChange(body: JsonObject): SessionChange {
  const displayName = textField(body, "displayName") ?? "";
  if (displayName.trim() === "") throw wrongName("display name cannot be empty");
  if (Array.from(displayName).length > MAX_DISPLAY_NAME)
    throw wrongName(`display name cannot exceed ${MAX_DISPLAY_NAME} characters`);
  if (/\p{Cc}/u.test(displayName)) throw wrongName("display name contains invalid characters");
  return (document) => ({ ...document, spec: { ...document.spec, displayName } });
}

/** Requests that the session runs, at `time` (RFC 3339). */
export function startRequest(time: string): SessionChange {
  return (document) => {
    const { name, annotations } = document.metadata;
    // no session continues itself; such an annotation is left from one that was started again
    const isOwnParent = annotations?.[PARENT_SESSION] === name;
    return annotated(document, [
      [DESIRED_PHASE, "Running"],
      [START_REQUESTED, time],
      ...(isOwnParent ? [[PARENT_SESSION, null] as const] : []),
    ]);
  };
}

/** Requests that the session stops, at `time` (RFC 3339). */
export function stopRequest(time: string): SessionChange {
  return (document) =>
    annotated(document, [
      [DESIRED_PHASE, "Stopped"],
      [STOP_REQUESTED, time],
    ]);
}

function annotated(
  document: SessionDocument,
  values: readonly (readonly [string, string | null])[],
): SessionDocument {
  const annotations = new Map(Object.entries(document.metadata.annotations ?? {}));
  for (const [key, value] of values)
    if (value === null) annotations.delete(key);
    else annotations.set(key, value);
  const metadata = { ...document.metadata, annotations: Object.fromEntries(annotations) };
  return { ...document, metadata };
}

function refuseWhileRunning({ status }: SessionDocument): void {
  const phase = status?.phase ?? "";
  if (!/^(running|creating)$/i.test(phase)) return;
  throw new RunlogError(
    "session-running",
    "Cannot modify session specification while the session is running",
    { phase },
  );
}

/** The object that is the only member of another. */
function onlyMember(object: JsonObject, name: string): JsonObject {
  const value = object[name];
  if (!isObject(value) || Object.keys(object).length !== 1) throw invalidBody();
  return value;
}

function withoutNull(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
}

function wrongName(text: string): RunlogError {
  return new RunlogError("invalid-input", text);
}
