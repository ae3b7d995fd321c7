// Runs the crash tests with as many cycles of write, kill and restart as are asked for.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";

const HELP = `Kills the server at random moments and checks what is left, and puts faults on its disk.

  npm run test:crash                   200 cycles with a seed of their own, then every fault on every store
  npm run test:crash -- --cycles N     so many cycles; eight share a log
  npm run test:crash -- --posts N      so many runs posted to random servers on one bucket (1000)
  npm run test:crash -- --seed S       the same kills again; the seed is printed by every run

Mounts small file systems, full and read-only ones, in a user namespace (Linux).`;

const { values } = parseArgs({
  options: {
    cycles: { type: "string", default: "200" },
    posts: { type: "string", default: "1000" },
    seed: { type: "string", default: String(Math.trunc(Math.random() * 2 ** 32)) },
    help: { type: "boolean", default: false },
  },
});

if (values.help) process.stdout.write(`${HELP}\n`);
else {
  process.stdout.write(`crash tests: ${values.cycles} cycles, seed ${values.seed}\n`);
  const vitest = new URL("../node_modules/vitest/vitest.mjs", import.meta.url).pathname;
  const args = ["run", "--config", "test/vitest.config.ts", "test/crash"];
  const child = spawn(process.execPath, [vitest, ...args], {
    stdio: "inherit",
    env: {
      ...process.env,
      CRASH_CYCLES: values.cycles,
      CRASH_POSTS: values.posts,
      CRASH_SEED: values.seed,
      // what needs more of a machine than npm test may ask for
      CRASH_MOUNTS: "1",
    },
  });
  const [code]: (number | null)[] = await once(child, "exit");
  process.exitCode = code ?? 1;
}
