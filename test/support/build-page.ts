import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const SCRIPT = fileURLToPath(new URL("../../scripts/build-ui.ts", import.meta.url));

/** Builds the inspector if it is not there or older than its sources. */
export async function buildPage(): Promise<void> {
  await promisify(execFile)(process.execPath, [SCRIPT]);
}
