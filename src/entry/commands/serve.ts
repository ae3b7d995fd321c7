import type { ArchiveConfig } from "../../config/storage.ts";
import type { Config } from "../../config.ts";
import type { Logger } from "../../ports/logger.ts";
import { explain } from "../explain.ts";
import { makeFirstToken } from "../first-token.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { type RunningServer, start } from "../node.ts";
import { nameOfStorage } from "../open-store.ts";
import { createStderrLogger } from "../log/stderr-logger.ts";
import { outliveOutput } from "../process.ts";
import { onStopSignals } from "../stop-signals.ts";
import { version } from "../version.ts";
import { createWaiting } from "../waiting.ts";
import type { Command } from "./command.ts";
import { firstSteps } from "./first-steps.ts";
import { optionsText, readServeOptions, settingsText } from "./serve-options.ts";

/** `runlog serve`, and `runlog` alone. */
export const serveCommand: Command = {
  name: "serve",
  summary: "serve until it is stopped (the default)",
  help: `Usage: runlog [serve] [options]

Serves until it is stopped. With nothing configured it listens on loopback, keeps its logs
in ./data and plays a scripted demo runner. It is configured by environment variables; the most
usual ones are options as well, which stand above them:

${optionsText()}
${settingsText()}`,
  async run(args) {
    return serve(readServeOptions(args, process.env));
  },
};

/** Ends with the process. */
async function serve(config: Config): Promise<ExitCode> {
  outliveOutput();
  const storage = nameOfStorage(config.storage);
  const form = process.stderr.isTTY ? "readable" : "json";
  const logger = createStderrLogger({ level: config.logLevel, form });
  let server: RunningServer | null = null;
  // before anything is opened: the first process of a container has no other way to be stopped
  onStopSignals(async () => {
    if (server) process.exit(await stop(server, storage, logger));
    logger.info("stopped", { text: "stopped before it listened" });
    process.exit(EXIT.done);
  });
  const token = await makeFirstToken(config.auth);
  if (token !== null)
    process.stdout.write(
      `a first token, which may do everything and is shown this once:\n${token}\n`,
    );
  server = await start(config, logger);
  const isCluster = config.auth.kind === "kubernetes";
  const runner = config.runnerUrl ?? (isCluster ? "the sessions' services" : "the built-in demo");
  const agents = config.agents.map(({ name, url }) => `${name} at ${url}`).join(", ");
  const runners = agents === "" ? `runner: ${runner}` : `agents: ${agents}`;
  const archive = config.archive ? `  archive: ${placeOf(config.archive)}\n` : "";
  // for people the lines below say the same
  if (form === "json")
    logger.info("started", {
      version: version(),
      url: server.url,
      storage,
      archive: config.archive && placeOf(config.archive),
      runner: agents === "" ? runner : null,
      agents: config.agents.map(({ name }) => name),
      auth: config.auth.kind,
      node: process.version,
      pid: process.pid,
    });
  if (config.audit?.kind === "stdout") return forever();
  const steps = firstSteps(config, server.url).map((line) => `  ${line}\n`);
  process.stdout.write(
    `runlog ${version()} listens on ${server.url}\n  storage: ${storage}\n${archive}  ${runners}\n${steps.join("")}`,
  );
  return forever();
}

function forever(): Promise<never> {
  return new Promise(() => {});
}

async function stop(server: RunningServer, storage: string, logger: Logger): Promise<ExitCode> {
  logger.info("stopping", { text: "stopping once runs have ended; again to stop now" });
  const waiting = createWaiting((text) => logger.info("waiting", { text }));
  try {
    const { orphanedRuns } = await server.close({ onWait: (what) => waiting.begin(what) });
    if (orphanedRuns === 0) {
      logger.info("stopped");
      return EXIT.done;
    }
    const text = `${storage} did not take the ends of ${orphanedRuns} run(s): the next start ends them`;
    logger.error("runs-left-open", { text, orphanedRuns });
  } catch (error) {
    logger.error("stop-failed", { text: explain(error) });
  }
  return EXIT.failed;
}

function placeOf(archive: ArchiveConfig): string {
  return archive.kind === "file" ? archive.dir : `s3://${archive.bucket}/${archive.prefix}`;
}
