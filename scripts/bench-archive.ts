// Measures the commands that move a session to its archive and back: time, and the most memory.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createDataDir } from "./bench/data-dir.ts";
import { CACHE_DIR, generateLog } from "./bench/generate-log.ts";
import { startArguments } from "./bench/server-process.ts";

const SAMPLE_MS = 20;
const MIB = 1024 * 1024;
const STEPS = [
  ["archive", "--delete-local"],
  ["verify"],
  ["export", "bench/log-{size}mb", "--format", "ndjson", "--output", "{out}"],
  ["restore"],
];

const { values } = parseArgs({
  options: {
    megabytes: { type: "string", default: "500" },
    // another place than a directory; the AWS SDK's variables say how to get there
    to: { type: "string" },
  },
});

const command = await startArguments();
const log = await generateLog(Number(values.megabytes));
const data = await createDataDir([log]);
const directory = await mkdtemp(join(CACHE_DIR, "archive-"));
const aws = Object.entries(process.env).filter(([name]) => name.startsWith("AWS_"));
const env = {
  ...Object.fromEntries(aws),
  PATH: process.env["PATH"],
  STORAGE_URL: `file:${data.dir}`,
  RUNLOG_ARCHIVE_URL: values.to ?? `file:${directory}`,
};

try {
  for (const step of STEPS) {
    const args = step.map((text) =>
      text.replace("{size}", values.megabytes).replace("{out}", join(directory, "out")),
    );
    const { seconds, peakBytes } = await measure(args);
    const speed = Math.round(log.bytes / MIB / seconds);
    process.stdout.write(
      `${args[0]}  ${seconds.toFixed(1)} s  ${speed} MiB/s  peak ${Math.round(peakBytes / MIB)} MiB\n`,
    );
  }
} finally {
  await data.remove();
  await rm(directory, { recursive: true, force: true });
}

async function measure(args: readonly string[]) {
  const startedAtMs = performance.now();
  const child = spawn(process.execPath, [...command, ...args], {
    cwd: fileURLToPath(new URL("../", import.meta.url)),
    env,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const exited = once(child, "exit");
  let peakBytes = 0;
  while (child.exitCode === null && child.signalCode === null) {
    // the kernel keeps the most there ever was: the last sample is all that counts
    peakBytes = Math.max(peakBytes, await peakOf(child.pid));
    await Promise.race([sleep(SAMPLE_MS), exited]);
  }
  if (child.exitCode !== 0) throw new Error(`${args[0]} ended with ${child.exitCode}`);
  return { seconds: (performance.now() - startedAtMs) / 1000, peakBytes };
}

async function peakOf(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}
