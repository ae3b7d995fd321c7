#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { ConfigError, parseConfig, VARIABLES } from "../config.ts";
import { RunlogError } from "../ports/errors.ts";
import { start } from "./node.ts";
import { nameOfStorage } from "./open-store.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

await main();

async function main(): Promise<void> {
  try {
    const { values } = parseArgs({
      options: {
        help: { type: "boolean", short: "h" },
        version: { type: "boolean", short: "v" },
      },
    });
    if (values.help) process.stdout.write(helpText());
    else if (values.version) process.stdout.write(`runlog ${version()}\n`);
    else await serve();
  } catch (error) {
    process.stderr.write(`runlog: ${explain(error)}\n`);
    process.exitCode = isUsage(error) ? EXIT_USAGE : EXIT_FAILED;
  }
}

async function serve(): Promise<void> {
  const config = parseConfig(process.env);
  const server = await start(config);
  const storage = nameOfStorage(config.storage);
  const isCluster = config.auth.kind === "kubernetes";
  const runner = config.runnerUrl ?? (isCluster ? "the sessions' services" : "the built-in demo");
  process.stdout.write(
    `runlog ${version()} listens on ${server.url}\n  storage: ${storage}\n  runner: ${runner}\n`,
  );
  let stopping = false;
  const stop = (): void => {
    // whoever asks twice means it
    if (stopping) process.exit(EXIT_FAILED);
    stopping = true;
    process.stderr.write("runlog: stopping once runs have ended; again to stop now\n");
    server.close().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`runlog: ${explain(error)}\n`);
        process.exit(EXIT_FAILED);
      },
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

function helpText(): string {
  const width = Math.max(...VARIABLES.map(({ name }) => name.length));
  const lines = VARIABLES.map(({ name, fallback, meaning }) => {
    const tail = fallback === "" ? "" : ` (default ${fallback})`;
    return `  ${name.padEnd(width)}  ${meaning}${tail}\n`;
  });
  return `runlog - a durable session server for AI agents

Usage: runlog [--help] [--version]

Serves until it is stopped. With nothing configured it listens on loopback, keeps its logs
in ./data and plays a scripted demo runner. It is configured by environment variables:

${lines.join("")}`;
}

/** The package's version; the file lies above the sources as well as above what is built. */
function version(): string {
  for (const path of ["../../package.json", "../../../package.json"]) {
    try {
      const found: unknown = JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
      if (typeof found === "object" && found && "version" in found) return String(found.version);
    } catch {
      // not there: the other one
    }
  }
  return "unknown";
}

function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof RunlogError) return error.message;
  if (error instanceof Error && "code" in error && error.code === "EADDRINUSE")
    return `${error.message}: is another server running? PORT sets another port`;
  return error instanceof Error ? error.message : String(error);
}

function isUsage(error: unknown): boolean {
  return (
    error instanceof ConfigError ||
    (error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS"))
  );
}
