import { readFileSync } from "node:fs";

/** The package's version; the file lies above the sources as well as above what is built. */
export function version(): string {
  for (const path of ["../../package.json", "../../../package.json"]) {
    try {
      const found: unknown = JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
      if (typeof found === "object" && found && "version" in found) return String(found.version);
    } catch {
      // not there: the other one
    }
  }
  return "unknown";
}
