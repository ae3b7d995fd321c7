import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const MAX_BYTES = 12 * 1024;
/** What a page has anyway that uses them. */
const ITS_OWN = ["@ag-ui/client", "rxjs", "react"];

/** What a page can get, as a bundler makes them of the sources. */
it.each([
  ["runlog/client", ["index"]],
  ["runlog/agent", ["agent"]],
  ["runlog/react", ["react"]],
  ["all of them", ["index", "agent", "react"]],
])("%s: at most 12 KiB, packed, and ask for nothing of Node", async (name, modules) => {
  const contents = modules.map((module) => `export * from "./src/client/${module}.ts";`).join("");
  const { metafile, outputFiles } = await build({
    stdin: { contents, resolveDir: ROOT },
    absWorkingDir: ROOT,
    bundle: true,
    minify: true,
    format: "esm",
    // a module of Node is an error here
    platform: "browser",
    target: "es2022",
    external: ITS_OWN,
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const [output] = outputFiles;
  const bytes = gzipSync(output!.contents).length;
  console.info(`${name}: ${bytes} bytes`);
  expect(bytes).toBeLessThanOrEqual(MAX_BYTES);
  const inputs = Object.keys(metafile.inputs).filter((path) => path !== "<stdin>");
  expect(inputs.filter((path) => !/^src\/(client|stream)\//.test(path))).toEqual([]);
  const imports = Object.values(metafile.outputs).flatMap((made) => made.imports);
  expect(imports.filter(({ path }) => !ITS_OWN.includes(path))).toEqual([]);
});
