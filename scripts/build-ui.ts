// Builds the inspector into dist/ui, unless what is there was made of the same files (`--force`: anyway).
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const OUT = join(ROOT, "dist/ui");
const STAMP = join(ROOT, "dist/.build/ui.made-of");
/** What is bundled, and what says how. */
const SOURCES = ["src/ui", "src/client", "src/stream", "scripts/build-ui.ts", "package-lock.json"];

async function filesOf(path: string): Promise<string[]> {
  if (/\.\w+$/.test(path)) return [path];
  const entries = await readdir(join(ROOT, path), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function madeOf(): Promise<string> {
  const hash = createHash("sha256");
  for (const file of (await Promise.all(SOURCES.map(filesOf))).flat()) {
    const path = join(ROOT, file.replace(ROOT, ""));
    hash.update(`${file}\0`).update(await readFile(path));
  }
  return hash.digest("hex");
}

const made = await madeOf();
const before = await readFile(STAMP, "utf8").catch(() => "");
const isThere = existsSync(join(OUT, "index.html")) && before === made;
if (!isThere || process.argv.includes("--force")) {
  // it takes longer to load than all that is above
  const { build } = await import("vite");
  await build({
    configFile: false,
    root: join(ROOT, "src/ui"),
    // the page may be mounted at any path
    base: "./",
    logLevel: "warn",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      outDir: OUT,
      emptyOutDir: true,
      target: "es2023",
      // a data: URL would be one more thing that the page's policy has to allow
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
  });
  await mkdir(dirname(STAMP), { recursive: true });
  await writeFile(STAMP, made);
}
