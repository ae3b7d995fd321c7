import * as fc from "fast-check";
import { ALL_SETTINGS } from "../../../src/config/settings.ts";
import { ConfigError, parseConfig } from "../../../src/config.ts";
import { type FuzzTarget, fuzzTarget } from "../fuzz-target.ts";
import { anyText } from "../inputs.ts";

const value = fc.oneof(
  anyText,
  fc
    .tuple(
      fc.bigInt({ min: -1n, max: 10n ** 30n }).map(String),
      fc.constantFrom("", "s", "ms", "h", "MiB", "GB", "%"),
    )
    .map((parts) => parts.join("")),
  fc.constantFrom(
    "0",
    "1",
    "off",
    "file:",
    "file:///x",
    "s3://",
    "s3://b/p",
    "memory:",
    "none",
    "kubernetes",
  ),
  fc.constantFrom(
    "http://",
    "http://{session}/",
    "http://[::1]:1/",
    "ftp://x/",
    "*",
    "https://a, https://b",
    "::1",
    "http://{agent}/",
    "coder=http://a/,support=http://b/",
    "coder,coder=http://a/",
  ),
);
const name = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...ALL_SETTINGS.map((setting) => setting.name)) },
  { weight: 1, arbitrary: anyText.map((text) => `RUNLOG_${text}`) },
);

/** A configuration is read, or every problem of it is told; nothing else is thrown. */
export const target: FuzzTarget = fuzzTarget(
  "config",
  fc.array(fc.tuple(name, value), { maxLength: 12 }),
  (entries) => {
    try {
      parseConfig(Object.fromEntries(entries));
    } catch (error) {
      if (!(error instanceof ConfigError) || error.problems.length === 0) throw error;
    }
  },
);
