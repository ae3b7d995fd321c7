// Plays the object store's protocol in virtual time with faults, one seed after the other. A seed that
// fails is printed, and fails again with `--seed`.
import { parseArgs } from "node:util";
import { simulateScale } from "./simulate/scale.ts";
import { formatScale } from "./simulate/scale-report.ts";
import { simulate } from "./simulate/simulate.ts";

const HELP = `npm run simulate -- --seeds 10000   the seeds from 1 on, or from --seed on
npm run simulate -- --seed 17       this one alone
npm run simulate -- --scale         whole servers, without faults: what they ask of the bucket and of NATS (docs/scale.md)
    --replicas 10 --runs 10 --open-runs 2000
`;

const { values } = parseArgs({
  options: {
    seeds: { type: "string" },
    seed: { type: "string" },
    scale: { type: "boolean", default: false },
    replicas: { type: "string", default: "10" },
    runs: { type: "string", default: "10" },
    "open-runs": { type: "string", default: "2000" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) process.stdout.write(HELP);
else if (values.scale) {
  const result = await simulateScale({
    replicas: Number(values.replicas),
    runs: Number(values.runs),
    seconds: 40,
    eventsPerSecond: 10,
    openRuns: Number(values["open-runs"]),
    lists: [10_000, 100_000],
    progress: (text) => void process.stderr.write(`${text}\n`),
  });
  process.stdout.write(`${formatScale(result)}\n`);
  // machines in virtual time never stop
  process.exit();
} else {
  const first = Number(values.seed ?? 1);
  const count = Number(values.seeds ?? (values.seed === undefined ? 1_000 : 1));
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count) || count < 1)
    throw new TypeError(`--seed and --seeds are numbers\n${HELP}`);
  const sums: Record<string, number> = {};
  const failed: number[] = [];
  for (let seed = first; seed < first + count; seed++) {
    try {
      for (const [name, value] of Object.entries(await simulate(seed)))
        sums[name] = (sums[name] ?? 0) + value;
    } catch (error) {
      failed.push(seed);
      const text = error instanceof Error ? error.message : String(error);
      process.stdout.write(`seed ${seed} failed:\n${text}\n`);
    }
  }
  const facts = Object.entries(sums).map(([name, value]) => `${value} ${name}`);
  process.stdout.write(`${count} seeds, ${failed.length} failed; ${facts.join(", ")}\n`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
