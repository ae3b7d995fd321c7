// Runs the conformance suite of Durable Streams twice: as it is, and with bytes of other content types carried as JSON. Every
// test has its verdict in verdicts.json; one that goes otherwise fails this. `--write`: keeps the verdicts that there are now.
import { readFile, writeFile } from "node:fs/promises";
import { startVitest } from "vitest/node";
import { REASONS, type TestRun, type Verdict, verdictOf } from "./verdicts.ts";

const FILE = new URL("verdicts.json", import.meta.url);
const DOCS = new URL("../../docs/durable-streams.md", import.meta.url);
const [BEGIN, END] = ["<!-- conformance: begin -->", "<!-- conformance: end -->"];

/** Verdicts that no refusal explains away. */
const WELL: readonly unknown[] = ["passed", "carried", "refused"];

type Verdicts = Readonly<Record<string, Verdict>>;

async function runSuite(carries: "0" | "1"): Promise<ReadonlyMap<string, TestRun>> {
  const env = { CARRIES: carries };
  const vitest = await startVitest("test", ["conformance.streams"], {
    watch: false,
    reporters: [{}],
    env,
    // refusals are of one test
    maxConcurrency: 1,
    // a machine that is busy lets some of its time-outs pass
    retry: 2,
    testTimeout: 60_000,
  });
  const runs = new Map<string, TestRun>();
  for (const module of vitest.state.getTestModules())
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      runs.set(test.fullName, { state, refusals: test.meta().refusals ?? [] });
    }
  await vitest.close();
  return runs;
}

function judge(
  before: Verdicts,
  asIs: ReadonlyMap<string, TestRun>,
  carrying: ReadonlyMap<string, TestRun>,
): { readonly verdicts: Verdicts; readonly faults: readonly string[] } {
  const verdicts: Record<string, Verdict> = {};
  const faults: string[] = [];
  for (const [name, run] of asIs) {
    const known = before[name];
    const verdict = verdictOf(run, carrying.get(name)!, WELL.includes(known));
    if (verdict !== null) verdicts[name] = verdict;
    if (verdict === null || verdict !== known)
      faults.push(`${name}: ${verdict ?? "failed"}, was ${known ?? "not there"}`);
  }
  for (const name of Object.keys(before))
    if (!asIs.has(name)) faults.push(`${name}: not there, was ${before[name]}`);
  return { verdicts, faults };
}

/** The table of the documentation: a group a line. */
function tableOf(verdicts: Verdicts): string {
  const groups = new Map<string, Verdict[]>();
  for (const [name, verdict] of Object.entries(verdicts)) {
    const [group = ""] = name.split(" > ");
    groups.set(group, [...(groups.get(group) ?? []), verdict]);
  }
  const reasons = Object.keys(REASONS) as (keyof typeof REASONS)[];
  const rowOf = (name: string, all: readonly Verdict[]): string => {
    const count = (verdict: Verdict): number => all.filter((each) => each === verdict).length;
    const others = reasons.filter((reason) => count(reason) > 0);
    const why = others.map((reason) => `${count(reason)} ${REASONS[reason].text}`).join("; ");
    return `| ${name} | ${all.length} | ${count("passed")} | ${count("carried")} | ${count("refused")} | ${why} |`;
  };
  return [
    "| group | tests | passed | carried | refused | not applicable |",
    "| --- | --- | --- | --- | --- | --- |",
    ...[...groups].map(([name, all]) => rowOf(name, all)),
    rowOf("all", Object.values(verdicts)),
  ].join("\n");
}

const before = JSON.parse(await readFile(FILE, "utf8").catch(() => "{}")) as Verdicts;
const asIs = await runSuite("0");
const { verdicts, faults } = judge(before, asIs, await runSuite("1"));
if (process.argv.includes("--write")) {
  await writeFile(FILE, `${JSON.stringify(verdicts, null, 2)}\n`);
  const docs = await readFile(DOCS, "utf8");
  const [head, tail] = [docs.slice(0, docs.indexOf(BEGIN)), docs.slice(docs.indexOf(END))];
  await writeFile(DOCS, `${head}${BEGIN}\n\n${tableOf(verdicts)}\n\n${tail}`);
}
const count = (...of: Verdict[]): number =>
  Object.values(verdicts).filter((each) => of.includes(each)).length;
const [passed, carried, refused] = [count("passed"), count("carried"), count("refused")];
const others = asIs.size - passed - carried - refused;
console.info(
  `${asIs.size} tests: ${passed} passed, ${carried} carried, ${refused} refused, ${others} not applicable`,
);
for (const fault of faults) console.info(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
