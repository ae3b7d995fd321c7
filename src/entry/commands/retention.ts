import { type Config, parseConfig } from "../../config.ts";
import { decodeStub } from "../../core/archive/stub.ts";
import { rfc3339 } from "../../core/model/time.ts";
import { type DueSession, dueSessions, hasMarkedRun } from "../../core/retention/due-sessions.ts";
import {
  parseRetention,
  RETENTION_FORM,
  type RetentionPolicy,
} from "../../core/retention/policy.ts";
import { RunlogError } from "../../ports/errors.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import { type ExitCode, UsageError } from "../exit.ts";
import { parseArgs } from "./arguments.ts";
import type { Command } from "./command.ts";
import { type Done, eachSession } from "./each-session.ts";
import { openAlone, openArchives, openToLook } from "./local.ts";
import { createReport, type Report } from "./report.ts";
import { nameOf } from "./selection.ts";

const OPTIONS = {
  policy: { type: "string" },
  "dry-run": { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;

/** `runlog retention`. */
export const retentionCommand: Command = {
  name: "retention",
  summary: "archive and delete sessions that nobody has used for long",
  help: `Usage: runlog retention --dry-run [options]    says what would become of which session
       runlog retention [options]              does it, with the server stopped

A running server that has RUNLOG_RETENTION does the same by itself, every hour. What counts is when
something was stored for a session last. A session with an open run is left alone, and so is one of an
earlier version that does not say when it was used. --dry-run takes no lock and may run beside a server.

  --policy <rules>          archive:30d,delete:365d (default RUNLOG_RETENTION); ages in s, m, h, d or w.
                            After semicolons, rules of projects: ;demo=delete:7d;legal=keep
  --dry-run                 change nothing
  --json                    one JSON object a session
`,
  async run(args) {
    const { values } = parseArgs({ args: [...args], options: OPTIONS });
    const report = createReport({ json: values.json });
    const config = parseConfig(process.env);
    const policy = values.policy === undefined ? config.retention : readPolicy(values.policy);
    if (!policy)
      throw new UsageError("Say what is to become of sessions: --policy or RUNLOG_RETENTION");
    return values["dry-run"] ? look(config, policy, report) : act(config, policy, report);
  },
};

function readPolicy(text: string): RetentionPolicy {
  const policy = parseRetention(text);
  if (policy) return policy;
  throw new UsageError(`--policy is ${RETENTION_FORM}, not "${text}"`);
}

async function look(config: Config, policy: RetentionPolicy, report: Report): Promise<ExitCode> {
  const opened = await openArchives(config.archive);
  const looked = await openToLook(config, opened.archives);
  const { readable: store, stored } = looked;
  const isEvicted = async (key: SessionKey): Promise<boolean> =>
    decodeStub((await stored.stat(key))?.head ?? null) !== null;
  try {
    const due = dueSessions({ store, policy, nowMs: Date.now(), isEvicted, ...undated(report) });
    return await eachDue(due, report, async (session) => doneBy(session, "would be "));
  } finally {
    await looked.close();
    opened.close();
  }
}

async function act(config: Config, policy: RetentionPolicy, report: Report): Promise<ExitCode> {
  const alone = await openAlone(config, config.archive);
  const { store } = alone;
  const isEvicted = (key: SessionKey): Promise<boolean> => store.isEvicted(key);
  try {
    await store.makeMissingStubs();
    const due = dueSessions({ store, policy, nowMs: Date.now(), isEvicted, ...undated(report) });
    return await eachDue(due, report, async (session) => {
      const { action, key } = session;
      if (await hasMarkedRun(store, key))
        throw new RunlogError("run-active", "The session has a run that is not over");
      if (action === "delete") await store.delete(key);
      else await store.archive(key, { deleteLocal: true });
      return doneBy(session, "");
    });
  } finally {
    await alone.closeAll();
  }
}

/** As `eachSession`, for sessions that are due. */
function eachDue(
  due: AsyncIterable<DueSession>,
  report: Report,
  operation: (session: DueSession) => Promise<Done>,
): Promise<ExitCode> {
  let current: DueSession | null = null;
  async function* keys(): AsyncGenerator<SessionKey> {
    for await (current of due) yield current.key;
  }
  return eachSession(keys(), report, () => operation(current!));
}

function undated(report: Report) {
  return {
    onUndated: (key: SessionKey): void =>
      report.note(`${nameOf(key)}  is left alone: it does not say when it was used`),
  };
}

function doneBy({ action, lastActiveMs }: DueSession, how: "" | "would be "): Done {
  const past = action === "archive" ? "archived" : "deleted";
  const lastActive = rfc3339(lastActiveMs);
  return {
    text: `${how}${past}, last used ${lastActive}`,
    facts: { result: how === "" ? past : "due", action, lastActive },
  };
}
