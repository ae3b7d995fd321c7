import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { freePort } from "../../scripts/bench/loopback.ts";
import { waitFor } from "../contract/wait-for.ts";
import { freshDir } from "../support/server-process.ts";

/** Debian's Prometheus, which scrapes one address every second. */
export interface Prometheus {
  /** The values of a query now, by the labels of each, as `label="value"` sorted and joined by commas. */
  query(text: string): Promise<Readonly<Record<string, number>>>;
}

interface Answer {
  readonly data: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly value: readonly [number, string];
    }[];
  };
}

/** Starts it; it goes with the test. */
export async function startPrometheus(target: string): Promise<Prometheus> {
  const dir = await freshDir();
  const config = join(dir, "prometheus.yml");
  const scrape = {
    job_name: "runlog",
    scrape_interval: "1s",
    static_configs: [{ targets: [target] }],
  };
  // JSON is YAML
  await writeFile(config, JSON.stringify({ scrape_configs: [scrape] }));
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(
    "prometheus",
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(dir, "data")}`,
      `--web.listen-address=${address}`,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let printed = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  const exited = once(child, "close");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  await waitFor(
    async () => {
      if (child.exitCode !== null) throw new Error(`Prometheus ended; it printed:\n${printed}`);
      return (await fetch(`http://${address}/-/ready`).catch(() => null))?.ok === true;
    },
    { what: "Prometheus to be ready" },
  );
  return {
    async query(text) {
      const response = await fetch(
        `http://${address}/api/v1/query?query=${encodeURIComponent(text)}`,
      );
      if (!response.ok) throw new Error(await response.text());
      const { data } = (await response.json()) as Answer;
      return Object.fromEntries(
        data.result.map(({ metric, value }) => [labelsOf(metric), Number(value[1])]),
      );
    },
  };
}

/** What `promtool check metrics` says of a text; "" where nothing is wrong with it. */
export async function checkMetrics(text: string): Promise<string> {
  const child = execFile("promtool", ["check", "metrics"]);
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (piece: string) => {
      said += piece;
    });
  child.stdin?.end(text);
  const [code] = (await once(child, "close")) as [number];
  return code === 0 ? said : `${said}\nexit ${code}`;
}

/** All but what Prometheus itself adds. */
function labelsOf({
  __name__: _name,
  instance: _instance,
  job: _job,
  ...labels
}: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .toSorted()
    .join(",");
}
