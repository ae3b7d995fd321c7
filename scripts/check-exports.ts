// Checks the built package as its users get it: that everything in `exports` is there and can be
// imported, that what is portable asks for nothing of Node, and that the worker bundles.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { registerHooks } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = new URL("..", import.meta.url);
const BUNDLE_TIMEOUT_MS = 60_000;

interface Expected {
  /** What the documents promise; there may be more. */
  readonly names: readonly string[];
  /** Whether it has to run where there is no Node. */
  readonly portable: boolean;
}

const CORE: readonly string[] = [
  "createApp",
  "createCopilotKitRoutes",
  "createSessionRoutes",
  "createSessionService",
  "parseConfig",
  "RunlogError",
];

const EXPECTED: Readonly<Record<string, Expected>> = {
  ".": { names: [...CORE, "createRunlog"], portable: false },
  ". (workerd)": { names: CORE, portable: true },
  ". (browser)": { names: CORE, portable: true },
  "./memory": {
    names: [
      "createMemoryAuthorizer",
      "createMemoryDirectory",
      "createMemoryLiveFeed",
      "createMemoryLogStore",
      "createMemoryObjectBucket",
      "createMemoryPlatform",
    ],
    portable: true,
  },
  "./object": { names: ["createObjectLogStore"], portable: true },
  "./s3": { names: ["createS3Bucket"], portable: false },
  "./r2": { names: ["createR2Bucket"], portable: true },
  "./disk": { names: ["createDiskLogStore", "createDiskSpool"], portable: false },
  "./kubernetes": { names: ["createKubernetes"], portable: false },
  "./file-bucket": { names: ["createFileBucket"], portable: false },
  "./local": {
    names: ["createLocalAuthorizer", "createLocalDirectory", "createLocalPlatform"],
    portable: true,
  },
  "./runner-http": { names: ["createHttpRunnerClient"], portable: true },
  "./nats": { names: ["createNatsLiveFeed"], portable: true },
  "./copilotkit": { names: ["RunlogAgentRunner"], portable: true },
  "./relay": { names: ["createMemorySpool", "createRelay"], portable: true },
  "./client": { names: ["createSessionClient", "SessionClientError"], portable: true },
  // @ag-ui/client asks for Node where it finds it; that ours does not is seen in its bundle
  "./agent": { names: ["RunlogAgent"], portable: false },
  "./react": { names: ["useRunlogSession"], portable: false },
  "./demo": { names: ["createDemoRunner"], portable: true },
  "./in-process": { names: ["createInProcessRunner"], portable: true },
  "./testing": {
    names: [
      "authorizerContract",
      "liveFeedContract",
      "logStoreContract",
      "logStoreMatchesModel",
      "objectBucketContract",
      "runnerClientContract",
      "sessionDirectoryContract",
      "sessionPlatformContract",
      "sessionRoutesContract",
    ],
    portable: false,
  },
  "./node": { names: ["start"], portable: false },
  "./worker": { names: ["default", "RunlogObject"], portable: true },
};

/** The folders that a Worker may be made of. */
const WORKER_INPUT =
  /^(src|adapters\/(demo|in-process|local|memory|object|r2|runner-http)|node_modules\/(hono|jose))\//;

const problems: string[] = [];

/** What each module imports, as Node resolved it. */
const importsOf = new Map<string, Set<string>>();
registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context);
    if (context.parentURL !== undefined) {
      const imports = importsOf.get(context.parentURL) ?? new Set();
      importsOf.set(context.parentURL, imports.add(resolved.url));
    }
    return resolved;
  },
});

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function fileOf(target: string): string {
  return fileURLToPath(new URL(target, ROOT));
}

/** The way from `start` to a module of Node, or null: for portable code there must be none. */
function wayToNode(start: string): readonly string[] | null {
  const ways = [[start]];
  const seen = new Set([start]);
  for (const way of ways) {
    const last = way.at(-1) ?? start;
    if (last.startsWith("node:")) return way.map((url) => url.replace(ROOT.href, ""));
    for (const next of importsOf.get(last) ?? []) {
      if (!seen.has(next)) ways.push([...way, next]);
      seen.add(next);
    }
  }
  return null;
}

async function checkSubpath(subpath: string, target: string): Promise<void> {
  const name = subpath.replace(".", "runlog");
  const types = target.replace(/\.js$/, ".d.ts");
  for (const file of [target, types])
    if (!existsSync(fileOf(file))) problems.push(`${name}: there is no ${file}`);
  if (!existsSync(fileOf(target))) return;

  const expected = EXPECTED[subpath];
  if (!expected) {
    problems.push(`${name}: is exported, but scripts/check-exports.ts does not know it`);
    return;
  }
  // the one of a condition is found by its file: Node takes the default
  const url = subpath.includes(" ") ? new URL(target, ROOT).href : import.meta.resolve(name);
  const module = (await import(url)) as Record<string, unknown>;
  const missing = expected.names.filter((key) => module[key] === undefined);
  if (missing.length > 0) problems.push(`${name}: does not export ${missing.join(", ")}`);
  const way = expected.portable ? wayToNode(url) : null;
  if (way) problems.push(`${name}: is to be portable, but ${way.join(" imports ")}`);
  say(`  ${name}: ${Object.keys(module).join(", ")}${expected.portable ? " (portable)" : ""}`);
}

type Exports = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

/** Each subpath with its file; those of a condition have it after their name. */
function targetsOf(exports: Exports): ReadonlyMap<string, string> {
  const all = Object.entries(exports).flatMap(([subpath, target]) =>
    typeof target === "string"
      ? [[subpath, target] as const]
      : Object.entries(target).map(([condition, file]) => {
          const name = condition === "default" ? subpath : `${subpath} (${condition})`;
          return [name, file] as const;
        }),
  );
  return new Map(all);
}

async function checkExports(exports: Exports): Promise<void> {
  const targets = targetsOf(exports);
  for (const subpath of Object.keys(EXPECTED))
    if (!targets.has(subpath)) problems.push(`package.json: exports has no ${subpath}`);
  for (const [subpath, target] of targets) {
    if (target.endsWith(".js")) await checkSubpath(subpath, target);
    else if (!existsSync(fileOf(target))) problems.push(`${subpath}: there is no ${target}`);
  }
}

interface BundleMeta {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<
    Record<string, { bytes: number; imports: { path: string }[]; entryPoint?: string }>
  >;
}

/** Bundles the worker as a deployment would, without one. */
async function bundleWorker(): Promise<BundleMeta> {
  const outdir = await mkdtemp(join(tmpdir(), "runlog-worker-"));
  try {
    const metafile = join(outdir, "meta.json");
    const wrangler = fileOf("node_modules/wrangler/bin/wrangler.js");
    const flags = ["deploy", "--dry-run", "--outdir", outdir, "--metafile", metafile];
    await promisify(execFile)(process.execPath, [wrangler, ...flags], {
      cwd: ROOT,
      env: { ...process.env, CI: "1", WRANGLER_SEND_METRICS: "false" },
      timeout: BUNDLE_TIMEOUT_MS,
    });
    return JSON.parse(await readFile(metafile, "utf8")) as BundleMeta;
  } finally {
    await rm(outdir, { recursive: true });
  }
}

async function checkWorker(): Promise<void> {
  const { inputs, outputs } = await bundleWorker();
  const foreign = Object.keys(inputs).filter((path) => !WORKER_INPUT.test(path));
  if (foreign.length > 0) problems.push(`the worker's bundle contains ${foreign.join(", ")}`);
  const bundle = Object.values(outputs).find(({ entryPoint }) => entryPoint !== undefined);
  if (!bundle) throw new Error("the worker's bundle has no entry point");
  const imports = bundle.imports.map(({ path }) => path);
  if (imports.length > 0) problems.push(`the worker's bundle imports ${imports.join(", ")}`);
  const kilobytes = Math.round(bundle.bytes / 1000);
  say(`  worker bundle: ${Object.keys(inputs).length} modules, ${kilobytes} kB`);
}

const manifest = JSON.parse(await readFile(fileOf("package.json"), "utf8")) as {
  exports: Exports;
};
await checkExports(manifest.exports);
await checkWorker();
for (const problem of problems) say(`✗ ${problem}`);
say(problems.length === 0 ? "The package is as documented." : `${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
