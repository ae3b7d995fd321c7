import { constants, rmSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createLogId } from "../../src/ports/log-id.ts";
import { CACHE_DIR, type GeneratedLog } from "./generate-log.ts";

/** A generated log as a session of the server. */
export interface LogSession {
  readonly log: GeneratedLog;
  readonly session: string;
  /** The file of its raw log. */
  readonly rawPath: string;
  /** Path of the session's routes, without a slash at its end. */
  readonly path: string;
  /** Cursor of the log's last event. */
  readonly endCursor: string;
}

/** A data directory of the server, laid out before it starts. */
export interface DataDir {
  readonly dir: string;
  readonly sessions: readonly LogSession[];
  remove(): Promise<void>;
}

/** Project of all sessions. */
export const PROJECT: string = "bench";

/** Path of a session's routes. */
export function sessionPath(session: string): string {
  return `/api/projects/${PROJECT}/agentic-sessions/${session}`;
}

/**
 * Makes a data directory that holds `logs` as sessions of the disk store. It goes with the process at
 * the latest. `nameOf` tells the names of the sessions, which must differ.
 */
export async function createDataDir(
  logs: readonly GeneratedLog[] = [],
  nameOf: (log: GeneratedLog, index: number) => string = ({ megabytes }) => `log-${megabytes}mb`,
): Promise<DataDir> {
  await mkdir(CACHE_DIR, { recursive: true });
  const dir = await mkdtemp(join(CACHE_DIR, "data-"));
  const removeNow = (): void => rmSync(dir, { recursive: true, force: true });
  process.once("exit", removeNow);
  await writeFile(join(dir, "runlog.json"), `${JSON.stringify({ format: 1 })}\n`);
  const sessions: LogSession[] = [];
  for (const [index, log] of logs.entries()) {
    const session = nameOf(log, index);
    const logId = createLogId(Date.now());
    const logDir = join(dir, "projects", PROJECT, session, logId);
    await mkdir(logDir, { recursive: true });
    // the server may append to its copy; a file system that can shares the blocks until then
    const rawPath = join(logDir, "raw.jsonl");
    await copyFile(log.path, rawPath, constants.COPYFILE_FICLONE);
    const endCursor = `${logId}-r${log.bytes}`;
    sessions.push({ log, session, rawPath, path: sessionPath(session), endCursor });
  }
  return {
    dir,
    sessions,
    async remove() {
      await rm(dir, { recursive: true, force: true });
      process.off("exit", removeNow);
    },
  };
}
