import type { Caller } from "../../ports/authorizer.ts";
import { RunlogError } from "../../ports/errors.ts";
import type { NewSession } from "../../ports/session-directory.ts";
import { DEFAULT_RUNNER_TYPE } from "../../ports/session-platform.ts";
import {
  booleanField,
  integerField,
  type JsonObject,
  numberField,
  objectField,
  objectsField,
  textField,
  textMapField,
  textsField,
  withoutUndefined,
} from "../model/json-fields.ts";
import { allowedSdkOptions } from "./sdk-options.ts";

const DEFAULT_MODEL = "claude-sonnet-4-6";
const DEFAULT_TEMPERATURE = 0.7;
const DEFAULT_MAX_TOKENS = 4000;
const DEFAULT_TIMEOUT_S = 300;
const DEFAULT_BRANCH = "main";

/** The annotation that names the session which a session continues. */
export const PARENT_SESSION = "vteam.ambient-code/parent-session-id";

/** The name that the body asks for, or null if any is accepted. */
export function nameOf(body: JsonObject): string | null {
  return textField(body, "name") || null;
}

/** The name of the session that the new one continues, or null. */
export function parentOf(body: JsonObject): string | null {
  return textField(body, "parent_session_id") || null;
}

/** The agent that the body names, or null. */
export function agentIn(body: JsonObject): string | null {
  return textField(body, "agent") || null;
}

/** The type of runner and the model that the body asks for. Throws `invalid-input`. */
export function runnerOf(body: JsonObject): { runnerType: string; model: string } {
  const runnerType = textField(body, "runnerType") || DEFAULT_RUNNER_TYPE;
  return { runnerType, model: modelOf(llmSettingsField(body) ?? {}) };
}

/** The members of a new session that its client cannot set. */
export interface GivenSession {
  /** The user who owns it, or null if unknown. */
  readonly userContext: JsonObject | null;
  /** The environment that its runner needs; variables of the body take precedence. */
  readonly runnerEnvironment: Readonly<Record<string, string>>;
}

/**
 * The session that a client asks for, with the defaults and rules of PROTOCOL 7.5. The body's own
 * statement of the owner is ignored. Unknown members are kept within known objects, and dropped
 * from the top level. Throws `invalid-input`.
 */
export function newSession(
  body: JsonObject,
  { userContext, runnerEnvironment }: GivenSession,
): NewSession {
  const initialPrompt = textField(body, "initialPrompt") ?? "";
  const parent = parentOf(body);
  const labels = textMapField(body, "labels");
  const annotations = {
    ...textMapField(body, "annotations"),
    ...(parent !== null && { [PARENT_SESSION]: parent }),
  };
  const spec = withoutUndefined({
    // documents have an empty one of their own
    displayName: textField(body, "displayName") || undefined,
    agent: agentIn(body) ?? undefined,
    llmSettings: llmSettingsOf(body),
    timeout: integerField(body, "timeout") ?? DEFAULT_TIMEOUT_S,
    initialPrompt: initialPrompt.trim() === "" ? undefined : initialPrompt,
    inactivityTimeout: inactivityTimeoutOf(body),
    stopOnRunFinished: booleanField(body, "stopOnRunFinished"),
    userContext: userContext ?? undefined,
    environmentVariables: { ...runnerEnvironment, ...environmentOf(body, parent) },
    repos: reposOf(body),
    activeWorkflow: workflowOf(body),
    mcpServers: mcpServersOf(body) ?? undefined,
  });
  const isAnnotated = Object.keys(annotations).length > 0;
  return { metadata: { ...(labels && { labels }), ...(isAnnotated && { annotations }) }, spec };
}

/** The owner of a session that `caller` creates, or null if unknown. */
export function userContextOf({ userId, userName, groups }: Caller): JsonObject | null {
  if (userId === null) return null;
  return { userId, ...(userName !== null && { displayName: userName }), groups };
}

/** `llmSettings` of a body with the types that it must have, unknown members kept. */
export function llmSettingsField(body: JsonObject): JsonObject | undefined {
  const settings = objectField(body, "llmSettings");
  if (!settings) return undefined;
  textField(settings, "model");
  numberField(settings, "temperature");
  integerField(settings, "maxTokens");
  return settings;
}

/** `mcpServers` of a body: undefined if it is missing, null if it is empty. */
export function mcpServersOf(body: JsonObject): JsonObject | null | undefined {
  const servers = objectField(body, "mcpServers");
  if (!servers) return undefined;
  const custom = objectField(servers, "custom") ?? {};
  const disabled = textsField(servers, "disabled") ?? [];
  const hasOthers = Object.keys(servers).some((name) => name !== "custom" && name !== "disabled");
  const isEmpty = !hasOthers && Object.keys(custom).length === 0 && disabled.length === 0;
  return isEmpty ? null : servers;
}

function llmSettingsOf(body: JsonObject): JsonObject {
  const given = llmSettingsField(body) ?? {};
  return {
    ...given,
    model: modelOf(given),
    // a 0 that is meant looks like the 0 that clients send for "not set"
    temperature: numberField(given, "temperature") || DEFAULT_TEMPERATURE,
    maxTokens: integerField(given, "maxTokens") || DEFAULT_MAX_TOKENS,
  };
}

function inactivityTimeoutOf(body: JsonObject): number | undefined {
  const seconds = integerField(body, "inactivityTimeout");
  if (seconds !== undefined && seconds < 0)
    throw new RunlogError("invalid-input", "inactivityTimeout must be >= 0");
  return seconds;
}

function environmentOf(body: JsonObject, parent: string | null): JsonObject {
  const options = objectField(body, "sdkOptions");
  const allowed = options ? allowedSdkOptions(options) : {};
  return {
    ...textMapField(body, "environmentVariables"),
    ...(parent !== null && { PARENT_SESSION_ID: parent }),
    ...(Object.keys(allowed).length > 0 && { SDK_OPTIONS: JSON.stringify(allowed) }),
  };
}

function modelOf(settings: JsonObject): string {
  return textField(settings, "model") || DEFAULT_MODEL;
}

function reposOf(body: JsonObject): readonly JsonObject[] | undefined {
  const repos = objectsField(body, "repos");
  for (const repo of repos ?? []) {
    textField(repo, "url");
    textField(repo, "branch");
    booleanField(repo, "autoPush");
  }
  return repos?.length === 0 ? undefined : repos;
}

function workflowOf(body: JsonObject): JsonObject | undefined {
  const workflow = objectField(body, "activeWorkflow");
  if (!workflow) return undefined;
  textField(workflow, "gitUrl");
  textField(workflow, "path");
  return { ...workflow, branch: textField(workflow, "branch") || DEFAULT_BRANCH };
}
