import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Miniflare } from "miniflare";
import { build } from "esbuild";
import { expect, it, onTestFinished } from "vitest";
import { runBody } from "../contract/session-routes/harness.ts";
import { requestOnce } from "../support/one-request.ts";
import { waitFor } from "../support/wait-for.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SESSION = "https://runlog.example/api/projects/demo/agentic-sessions/s1";
const JSON_TYPE = { "Content-Type": "application/json" };

/** Runs a worker's module in workerd, with the bindings that docs/embedding.md names. */
async function startWorker(code: string, bindings: Record<string, string>): Promise<Miniflare> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: ROOT },
    alias: { "runlog/worker": `${ROOT}src/entry/workerd.ts` },
    conditions: ["workerd"],
    bundle: true,
    format: "esm",
    write: false,
  });
  const miniflare = new Miniflare({
    modules: true,
    script: outputFiles[0]!.text,
    compatibilityDate: "2026-08-01",
    r2Buckets: ["BUCKET"],
    durableObjects: { RUNLOG: { className: "RunlogObject", useSQLite: true } },
    bindings,
  });
  onTestFinished(() => miniflare.dispose());
  return miniflare;
}

it("the page's worker serves those whom it lets in", async () => {
  const page = await readFile(`${ROOT}docs/embedding.md`, "utf8");
  const [, code = ""] = /^```js worker\.js\n([^]*?)^```$/m.exec(page) ?? [];
  expect(code).toContain("runlog/worker");
  const worker = await startWorker(code, { KEY: "of-ann" });
  const post = async (headers: Record<string, string>): Promise<number> => {
    const init = { method: "POST", body: runBody("r1"), headers: { ...JSON_TYPE, ...headers } };
    const answer = await worker.dispatchFetch(`${SESSION}/agui/run`, init);
    await answer.text();
    return answer.status;
  };
  expect(await post({})).toBe(401);
  expect(await post({ Authorization: "Bearer of-ann" })).toBe(200);
});

it("a worker of one line is configured by its variables", async () => {
  const code = `export { default, RunlogObject } from "runlog/worker";`;
  const worker = await startWorker(code, { RUNLOG_HOSTS: "runlog.example" });
  const init = { method: "POST", body: runBody("r1"), headers: JSON_TYPE };
  const posted = await worker.dispatchFetch(`${SESSION}/agui/run`, init);
  expect([posted.status, await posted.json()]).toMatchObject([200, { runId: "r1" }]);
  await waitFor(
    async () =>
      (await (await worker.dispatchFetch(`${SESSION}/export`)).text()).includes("RUN_STARTED"),
    { what: "an event of the demo" },
  );
  const { origin } = await worker.ready;
  const exportOf = SESSION.replace("https://runlog.example", origin) + "/export";
  const statusAt = async (host: string): Promise<number> =>
    (await requestOnce(exportOf, { host })).status;
  expect(await statusAt("runlog.example")).toBe(200);
  expect(await statusAt("other.example")).toBe(403);
});
