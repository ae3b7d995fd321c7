import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { PageFile } from "../http/page-routes.ts";

/** Beside this file's folder in a build, and as seen from the sources. */
const PLACES = ["../../ui/", "../../dist/ui/"];

const TYPES: ReadonlyMap<string, string> = new Map([
  [".html", "text/html; charset=utf-8"],
  [".js", "text/javascript; charset=utf-8"],
  [".css", "text/css; charset=utf-8"],
  [".svg", "image/svg+xml"],
]);

/**
 * Reads the inspector's files into memory; none where it is not built. `project` is the one that it shows first.
 */
export async function openPage(project: string): Promise<readonly PageFile[]> {
  const places = PLACES.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  const dir = places.find((place) => existsSync(join(place, "index.html")));
  if (dir === undefined) return [];
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && TYPES.has(extname(entry.name)))
    .map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    paths.map(async (path) => {
      const name = path.slice(dir.length).replaceAll("\\", "/");
      const body = await readFile(path);
      return name === "index.html"
        ? pageFile("/", ".html", forProject(body.toString("utf8"), project))
        : pageFile(`/${name}`, extname(name), body);
    }),
  );
}

function forProject(html: string, project: string): Buffer {
  // a project's name has no character that means something in HTML
  const told = html.replace(/(name="runlog-project" content=")[^"]*/, `$1${project}`);
  return Buffer.from(told);
}

function pageFile(path: string, extension: string, content: Buffer): PageFile {
  const gzip = gzipSync(content, { level: 9 });
  return {
    path,
    type: TYPES.get(extension) ?? "application/octet-stream",
    body: new Uint8Array(content),
    gzip: gzip.length < content.length ? new Uint8Array(gzip) : null,
    version: createHash("sha256").update(content).digest("base64url").slice(0, 22),
    isImmutable: path.startsWith("/assets/"),
  };
}
