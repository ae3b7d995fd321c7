import { RunlogError } from "../../../ports/errors.ts";

/**
 * The generation of AG-UI clients that a stream is for: `1.0`, or `0.0`, the subset that every
 * published client accepts.
 */
export type Dialect = "1.0" | "0.0";

/**
 * The dialect of a request: `profile` (`?profile=`) if it is given, else the `protocolVersion` of
 * the body, which only clients of 1.0 and later send. Throws `invalid-input` for an unknown
 * profile.
 */
export function dialectOf(profile: string | undefined, protocolVersion: unknown): Dialect {
  if (profile === "1.0" || profile === "0.0") return profile;
  if (profile !== undefined)
    throw new RunlogError("invalid-input", "Invalid profile: 1.0, 0.0, or none");
  return typeof protocolVersion === "string" && /^[1-9]\d*\./.test(protocolVersion) ? "1.0" : "0.0";
}
