import { expect, it } from "vitest";
import { runCli, startServer } from "../support/server-process.ts";
import { ALL_INSTRUMENTS } from "../../src/entry/telemetry/instruments.ts";

/** Node's flags for code that runs first, before anything is loaded. */
const first = (code: string): string =>
  `--import=data:text/javascript,${encodeURIComponent(`import { registerHooks } from "node:module";${code}`)}`;

const PRINT = first(
  `registerHooks({ load: (url, context, next) => { process.stderr.write("loaded " + url + "\\n"); return next(url, context); } });`,
);
const WITHOUT = first(
  `registerHooks({ resolve(name, context, next) {
    if (name.startsWith("@opentelemetry/")) throw Object.assign(new Error(name), { code: "ERR_MODULE_NOT_FOUND" });
    return next(name, context);
  } });`,
);

it("loads nothing of OpenTelemetry unless it is asked for", async () => {
  const loadedBy = async (env: Record<string, string>): Promise<string> => {
    const server = await startServer({
      env: { STORAGE_URL: "memory:", NODE_OPTIONS: PRINT, ...env },
    });
    expect((await server.fetch("/health")).status).toBe(200);
    return server.stderr();
  };
  const off = await loadedBy({});
  expect(off).toContain("src/entry/node.ts");
  expect(off).not.toContain("opentelemetry");
  expect(off).not.toContain("start-telemetry");
  expect(await loadedBy({ RUNLOG_METRICS_PORT: "0" })).toContain(
    "node_modules/@opentelemetry/sdk-metrics/",
  );
});

it("says what to install where a package is missing", async () => {
  const { code, stderr } = await runCli({
    env: { STORAGE_URL: "memory:", NODE_OPTIONS: WITHOUT, RUNLOG_METRICS_PORT: "0" },
  });
  expect(code).not.toBe(0);
  expect(stderr).toContain("RUNLOG_METRICS_PORT needs");
  expect(stderr).toContain("npm install @opentelemetry/api");
});

it("serves every gauge at once, at /metrics alone", async () => {
  const server = await startServer({ env: { STORAGE_URL: "memory:", RUNLOG_METRICS_PORT: "0" } });
  const [, url = ""] = /"metrics-served","url":"([^"]+)"/.exec(server.stderr()) ?? [];
  const response = await fetch(url);
  expect(response.headers.get("Content-Type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const text = await response.text();
  for (const { kind, name } of ALL_INSTRUMENTS)
    if (kind === "gauge") expect(text).toContain(`# TYPE ${name.replaceAll(".", "_")}`);
  expect((await fetch(new URL("/other", url))).status).toBe(404);
  expect((await fetch(url, { method: "POST" })).status).toBe(405);
});

it("ends with what is wrong where the port is taken", async () => {
  const server = await startServer({ env: { STORAGE_URL: "memory:" } });
  const { code, stderr } = await runCli({
    env: { STORAGE_URL: "memory:", RUNLOG_METRICS_PORT: new URL(server.url).port },
  });
  expect(code).not.toBe(0);
  expect(stderr).toContain("EADDRINUSE");
});
