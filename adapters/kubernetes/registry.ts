import { readFile, stat } from "node:fs/promises";
import type { Clock } from "../../src/ports/clock.ts";
import type { Logger } from "../../src/ports/logger.ts";

/** A kind of runner, as the registry describes it. */
export interface RunnerType {
  readonly id: string;
  /** Null: every caller that may make sessions may use it. */
  readonly featureGate: string | null;
  /** Null where the registry has none. */
  readonly port: number | null;
  readonly env: Readonly<Record<string, string>> | null;
  /** One of these has to be there for it to reach its model; empty: none is needed. */
  readonly requiredSecretKeys: readonly string[];
}

/** The kinds of runners that there are; null while there is no registry. */
export interface Registry {
  read(): Promise<ReadonlyMap<string, RunnerType> | null>;
}

const REREAD_MS = 60_000;
const MAX_BYTES = 1024 * 1024;

/**
 * The registry in a JSON file, read again after a minute. When it cannot be read any more, the last
 * content counts.
 */
export function createRegistry(path: string, clock: Clock, logger: Logger): Registry {
  let known: ReadonlyMap<string, RunnerType> | null = null;
  let reading: Promise<void> | null = null;
  let readAtMs = -Infinity;

  async function reread(): Promise<void> {
    try {
      if ((await stat(path)).size > MAX_BYTES) throw new RangeError("the file is too large");
      known = typesOf(JSON.parse(await readFile(path, "utf8")));
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : "malformed";
      // many clusters have none
      if (code !== "ENOENT" || known) logger.warn("runner-registry-unreadable", { code });
    }
    readAtMs = clock.now();
  }

  return {
    async read() {
      if (clock.now() - readAtMs >= REREAD_MS)
        await (reading ??= reread().finally(() => (reading = null)));
      return known;
    },
  };
}

function typesOf(registry: unknown): ReadonlyMap<string, RunnerType> {
  if (!Array.isArray(registry)) throw new TypeError("the registry is no array");
  const types = registry.map(typeOf).filter((type) => type !== null);
  return new Map(types.map((type) => [type.id, type]));
}

function typeOf(entry: unknown): RunnerType | null {
  const { id, featureGate, container, auth } = fieldsOf(entry);
  if (typeof id !== "string" || id === "") return null;
  const { port, env } = fieldsOf(container);
  const { requiredSecretKeys: keys } = fieldsOf(auth);
  return {
    id,
    featureGate: typeof featureGate === "string" && featureGate !== "" ? featureGate : null,
    port: isPort(port) ? port : null,
    env: env === undefined || env === null ? null : textsOf(env),
    requiredSecretKeys: Array.isArray(keys) ? keys.filter((key) => typeof key === "string") : [],
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function textsOf(env: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(fieldsOf(env)).filter((field): field is [string, string] => {
      return typeof field[1] === "string";
    }),
  );
}

function isPort(port: unknown): port is number {
  return Number.isInteger(port) && Number(port) > 0 && Number(port) < 65_536;
}
