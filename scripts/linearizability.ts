// Whether sessions are linearisable: clients of several servers on one store, under faults, and a checker.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { exitOnSignals } from "./bench/child-script.ts";
import { CALL_KINDS } from "./linearizability/clients.ts";
import { checkHistory } from "./linearizability/check.ts";
import { describeViolation } from "./linearizability/describe-violation.ts";
import { type DoneFault, FAULT_KINDS } from "./linearizability/faults.ts";
import type { History } from "./linearizability/history.ts";
import { formatResult } from "./linearizability/report.ts";
import { type CheckedSession, isViolation, run } from "./linearizability/run.ts";
import { STORE_KINDS } from "./linearizability/stores.ts";

const HELP = `Checks that sessions are linearisable: many clients use the same sessions by several servers on one store,
which are killed, stopped, put to sleep and cut off, and everything that they did and were told has to fit
one order of operations. docs/linearizability.md says what is checked. Exits with 1 on any violation.

  npm run linearizability                        three minutes, three servers
  npm run linearizability -- --minutes N         longer
  npm run linearizability -- --store KIND        objects (default), s3, or disk, which has one server
  npm run linearizability -- --replicas N        (3)
  npm run linearizability -- --faults KINDS      of ${FAULT_KINDS.join(",")} (default: all), or none
  npm run linearizability -- --store-faults N    of a thousand calls of the store, so many fail (5)
  npm run linearizability -- --without CALLS     leaves out some of ${CALL_KINDS.join(",")}
  npm run linearizability -- --sessions N        at once (6)
  npm run linearizability -- --seed S            the same clients and faults again
  npm run linearizability -- --keep DIR          where the histories of violations are kept
  npm run linearizability -- --check FILE        checks a kept history again`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "3" },
      store: { type: "string", default: "objects" },
      replicas: { type: "string", default: "3" },
      faults: { type: "string", default: FAULT_KINDS.join() },
      "store-faults": { type: "string", default: "5" },
      without: { type: "string", default: "" },
      sessions: { type: "string", default: "6" },
      seed: { type: "string", default: String(Math.trunc(Math.random() * 2 ** 31)) },
      keep: { type: "string", default: join(tmpdir(), "runlog-histories") },
      check: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return void process.stdout.write(`${HELP}\n`);
  if (values.check !== undefined) return checkFile(values.check);
  exitOnSignals();
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  say(`seed ${values.seed}`);
  const result = await run({
    minutes: Number(values.minutes),
    seed: Number(values.seed),
    replicas: Number(values.replicas),
    store: oneOf(STORE_KINDS, values.store, "--store"),
    faults: listOf(FAULT_KINDS, values.faults === "none" ? "" : values.faults, "--faults"),
    storeFaults: Number(values["store-faults"]),
    without: listOf(CALL_KINDS, values.without, "--without"),
    sessions: Number(values.sessions),
    progress: say,
  });
  process.stdout.write(`${formatResult(result)}\n`);
  for (const text of result.violations) process.stdout.write(`${text}\n`);
  const bad = result.sessions.filter(isViolation);
  // to look for the smallest parts takes a while
  for (const { history } of bad) await keepHistory(history, values);
  for (const [index, one] of bad.entries()) tell(one, index < SHOWN ? result.faults : null, values);
  const undecided = result.sessions.some(({ verdict }) => verdict.is === "undecided");
  if (bad.length > 0 || result.violations.length > 0 || undecided) process.exitCode = 1;
}

function oneOf<Kind extends string>(kinds: readonly Kind[], text: string, name: string): Kind {
  const kind = kinds.find((one) => one === text);
  if (kind === undefined) throw new TypeError(`${name} takes ${kinds.join(", ")}, not ${text}`);
  return kind;
}

function listOf<Kind extends string>(kinds: readonly Kind[], text: string, name: string): Kind[] {
  return text === "" ? [] : text.split(",").map((one) => oneOf(kinds, one, name));
}

interface Where {
  /** The directory. */
  readonly keep: string;
  readonly seed: string;
}

function fileOf({ session }: History, { keep, seed }: Where): string {
  return join(keep, `${seed}-${session}.json`);
}

async function keepHistory(history: History, where: Where): Promise<void> {
  await mkdir(where.keep, { recursive: true });
  await writeFile(fileOf(history, where), JSON.stringify(history));
}

/** Of so many sessions the violation is printed; to find its smallest part takes a while. */
const SHOWN = 3;

/**
 * Prints what is wrong, and the smallest part of the history that is a violation; null for the faults
 * leaves that out.
 */
function tell(
  { history, verdict, violations }: CheckedSession,
  faults: readonly DoneFault[] | null,
  where: Where,
): void {
  process.stdout.write(`\n${history.session}, whose history is in ${fileOf(history, where)}:\n`);
  for (const text of violations) process.stdout.write(`  ${text}\n`);
  if (verdict.is !== "violation") return;
  const text = faults && describeViolation(history, verdict.violation, faults);
  process.stdout.write(`${text ?? `  ${verdict.violation.what}`}\n`);
}

async function checkFile(file: string): Promise<void> {
  const history: History = JSON.parse(await readFile(file, "utf8"));
  const verdict = checkHistory(history);
  process.stdout.write(`${verdict.is}, after ${verdict.states} states\n`);
  if (verdict.is === "violation")
    process.stdout.write(`${describeViolation(history, verdict.violation, [])}\n`);
  if (verdict.is !== "linearisable") process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
