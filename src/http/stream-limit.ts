import type { SessionService } from "../core/service.ts";
import { RunlogError } from "../ports/errors.ts";

/** Throws `overloaded` when the process has as many streams open as it may. */
export function checkStreamLimit({ pacer, limits }: SessionService): void {
  if (pacer.open >= limits.maxStreams)
    throw new RunlogError("overloaded", "Too many streams are open", { limit: limits.maxStreams });
}
