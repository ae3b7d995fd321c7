import { readFileSync } from "node:fs";
import { uptime } from "node:os";

const BOOT_ID_FILE = "/proc/sys/kernel/random/boot_id";
const MINUTE_MS = 60_000;

/** An id of the machine's current run: another one after each boot. */
export function readBootId(): string {
  try {
    return readFileSync(BOOT_ID_FILE, "utf8").trim();
  } catch {
    // no Linux: the minute in which it started, which a clock that is set may change - then a log
    // gets a new id without need and its viewers one full replay
    return `started-${Math.round((Date.now() - uptime() * 1000) / MINUTE_MS)}`;
  }
}
