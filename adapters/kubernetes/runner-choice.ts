import { RunlogError } from "../../src/ports/errors.ts";
import { DEFAULT_RUNNER_TYPE, type RunnerChoice } from "../../src/ports/session-platform.ts";
import { type Api, OWN } from "./api.ts";
import { orNull } from "./failure.ts";
import type { Registry, RunnerType } from "./registry.ts";
import { corePath } from "./resources.ts";
import { type Secret, textIn } from "./session-token.ts";

export interface RunnerChoiceOptions {
  readonly api: Api;
  readonly registry: Registry;
  /** Runners reach their models without keys of the project. */
  readonly useVertex: boolean;
}

const SECRET = "ambient-runner-secrets";

/** The environment of a runner that is to be made (PROTOCOL 14.4); the port's `runnerEnvironment`. */
export async function environmentFor(
  { api, registry, useVertex }: RunnerChoiceOptions,
  { project, runnerType }: RunnerChoice,
): Promise<Readonly<Record<string, string>>> {
  const types = await registry.read();
  const type = types?.get(runnerType) ?? null;
  const isKnown = type !== null || (types === null && runnerType === DEFAULT_RUNNER_TYPE);
  // who a feature gate is open for is unknown here
  if (!isKnown || type?.featureGate)
    throw new RunlogError(
      "invalid-input",
      `Runner type '${runnerType}' is not enabled. Contact your platform administrator.`,
    );
  if (type && !useVertex) await checkKeys(api, project, type);
  return type?.env ?? { RUNNER_TYPE: runnerType };
}

/** Refuses a runner for which the project has no key. */
async function checkKeys(
  api: Api,
  project: string,
  { id, requiredSecretKeys }: RunnerType,
): Promise<void> {
  if (requiredSecretKeys.length === 0) return;
  const path = corePath(project, "secrets", SECRET);
  const request = { account: OWN, method: "GET", path } as const;
  const secret = await orNull(api.json<Secret>(request), "NotFound").catch((cause: unknown) => {
    throw new RunlogError("platform-failed", "Failed to validate API key configuration", { cause });
  });
  if (requiredSecretKeys.some((key) => textIn(secret, key) !== null)) return;
  throw new RunlogError(
    "invalid-input",
    `Runner '${id}' requires at least one of [${requiredSecretKeys.join(", ")}] in ${SECRET}. ` +
      "Configure keys in Project Settings or enable Vertex AI.",
  );
}
