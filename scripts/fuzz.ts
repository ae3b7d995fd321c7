// Throws random and nearly valid input at everything that takes some.
import { parseArgs } from "node:util";
import { startScript } from "./bench/child-script.ts";
import { targetNames } from "./fuzz/load-targets.ts";
import type { TargetReport } from "./fuzz/run-target.ts";

/** Without a sign of life for so long, a target hangs. */
const HANG_MS = 120_000;

async function help(): Promise<string> {
  return `Throws random and nearly valid input at everything that takes some.

  npm run fuzz                        10 s each target, with a seed of its own
  npm run fuzz -- --seconds N         so long each target
  npm run fuzz -- --seed S            the same inputs again; the seed is printed by every run
  npm run fuzz -- --only a,b          only these
                                      ${(await targetNames()).join(", ")}

A target fails by an exception, an unhandled rejection, a hang, an answer 500 or a broken rule.
Exits with 1 if any does, and prints the smallest input that it found.`;
}

async function fuzz(name: string, seed: number, timeMs: number): Promise<TargetReport> {
  const script = new URL("./fuzz/run-target.ts", import.meta.url);
  const child = startScript<TargetReport>(script, { name, seed, timeMs });
  let last: TargetReport = { cases: 0, done: false };
  try {
    while (!last.done) last = await child.next(HANG_MS);
    return last;
  } catch (error) {
    // ended by itself, as an unhandled rejection ends a process, or it does not say anything more
    return { ...last, done: true, failure: `${String(error)}, after ${last.cases} inputs` };
  } finally {
    await child.stop();
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "10" },
      seed: { type: "string", default: String(Math.trunc(Math.random() * 2 ** 31)) },
      only: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${await help()}\n`);
    return;
  }
  const names = values.only?.split(",") ?? (await targetNames());
  process.stdout.write(`seed ${values.seed}, ${values.seconds} s each target\n`);
  for (const name of names) {
    const result = await fuzz(name, Number(values.seed), Number(values.seconds) * 1_000);
    const verdict = result.failure === undefined ? "ok" : `FAILED\n${result.failure}`;
    process.stdout.write(
      `${name.padEnd(16)} ${String(result.cases).padStart(9)} inputs  ${verdict}\n`,
    );
    if (result.failure !== undefined) process.exitCode = 1;
  }
}

await main();
