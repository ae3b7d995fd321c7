import { parseArgs } from "node:util";
import type { ArchiveConfig } from "../../config/storage.ts";
import { VARIABLES } from "../../config/variables.ts";
import { parseConfig } from "../../config.ts";
import { explain } from "../explain.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { start } from "../node.ts";
import { nameOfStorage } from "../open-store.ts";
import { version } from "../version.ts";
import type { Command } from "./command.ts";

/** `runlog serve`, and `runlog` alone. */
export const serveCommand: Command = {
  name: "serve",
  summary: "serve until it is stopped (the default)",
  help: `Usage: runlog [serve]

Serves until it is stopped. With nothing configured it listens on loopback, keeps its logs
in ./data and plays a scripted demo runner. It is configured by environment variables:

${variablesText()}`,
  async run(args) {
    parseArgs({ args: [...args], options: {} });
    return serve();
  },
};

/** Ends with the process. */
async function serve(): Promise<ExitCode> {
  const config = parseConfig(process.env);
  const server = await start(config);
  const storage = nameOfStorage(config.storage);
  const isCluster = config.auth.kind === "kubernetes";
  const runner = config.runnerUrl ?? (isCluster ? "the sessions' services" : "the built-in demo");
  const archive = config.archive ? `  archive: ${placeOf(config.archive)}\n` : "";
  process.stdout.write(
    `runlog ${version()} listens on ${server.url}\n  storage: ${storage}\n${archive}  runner: ${runner}\n`,
  );
  let stopping = false;
  return new Promise(() => {
    const stop = (): void => {
      // whoever asks twice means it
      if (stopping) process.exit(EXIT.failed);
      stopping = true;
      process.stderr.write("runlog: stopping once runs have ended; again to stop now\n");
      server.close().then(
        () => process.exit(EXIT.done),
        (error: unknown) => {
          process.stderr.write(`runlog: ${explain(error)}\n`);
          process.exit(EXIT.failed);
        },
      );
    };
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
  });
}

function placeOf(archive: ArchiveConfig): string {
  return archive.kind === "file" ? archive.dir : `s3://${archive.bucket}/${archive.prefix}`;
}

function variablesText(): string {
  const width = Math.max(...VARIABLES.map(({ name }) => name.length));
  return VARIABLES.map(({ name, fallback, meaning }) => {
    const tail = fallback === "" ? "" : ` (default ${fallback})`;
    return `  ${name.padEnd(width)}  ${meaning}${tail}\n`;
  }).join("");
}
