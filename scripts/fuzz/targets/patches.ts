import * as fc from "fast-check";
import { BlockCompactor } from "../../../src/core/compaction/block-compactor.ts";
import { SeenIds } from "../../../src/core/compaction/seen-ids.ts";
import { isJsonPatch, type JsonPatch, type Operation } from "../../../src/core/model/json-patch.ts";
import { isEqualJson, measureJson } from "../../../src/core/model/json-value.ts";
import { AS_CLIENTS } from "../../../src/core/model/patch-policy.ts";
import { PatchWork } from "../../../src/core/model/patch-work.ts";
import { PatchedDocument } from "../../../src/core/model/patched-document.ts";
import { concatBytes } from "../../../src/stream/bytes/concat.ts";
import {
  isPatchBeyondJson,
  publishedPatch,
  publishedPatchOrNone,
} from "../../../test/support/published-patch.ts";
import { type FuzzTarget, fuzzTarget } from "../fuzz-target.ts";
import { assertObjectLines } from "../object-lines.ts";

/** Small enough for no patch here to be too much work. */
const LIMITS = { maxBytes: 2_000, maxDepth: 30 };
/** Most time of the processor for one patch: those here take some milliseconds. */
const MAX_PATCH_MS = 1_000;

const part = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("/a", "/b", "/l") },
  { weight: 3, arbitrary: fc.constantFrom("/0", "/1", "/-") },
  { weight: 1, arbitrary: fc.constantFrom("/", "/x~1y", "/m~0n", "/9", "/007") },
);
const pointer = fc.oneof(
  { weight: 8, arbitrary: fc.array(part, { maxLength: 4 }).map((parts) => parts.join("")) },
  {
    weight: 1,
    arbitrary: fc.tuple(part, fc.nat(40)).map(([one, count]) => one.repeat(count)),
  },
);

/** Values that are small, wide, deep or long. */
const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, 0, true, "", [], {}, { a: 1 }, [[1], { l: [] }]),
  fc.nat(12).map((count) => Array.from({ length: 2 ** count }, () => 1)),
  fc.nat(35).map((depth): unknown => JSON.parse(`${'{"a":'.repeat(depth)}[]${"}".repeat(depth)}`)),
  fc.nat(6_000).map((length) => "x".repeat(length)),
  fc.nat(2_000).map((length) => "\u0001é".repeat(length)),
);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ op: fc.constant("add"), path: pointer, value }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constantFrom("replace", "test"), path: pointer, value }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("remove"), path: pointer }) },
  {
    weight: 5,
    arbitrary: fc.record({ op: fc.constantFrom("copy", "move"), path: pointer, from: pointer }),
  },
);

/** Operations, and how often each is repeated: what grows a little may do so again and again. */
const patch: fc.Arbitrary<JsonPatch> = fc
  .array(fc.tuple(operation, fc.oneof(fc.constant(1), fc.nat(12))), { minLength: 1, maxLength: 5 })
  .map((all) => all.flatMap(([one, count]) => Array.from({ length: count }, () => one)));

const inputs = fc.record({
  document: fc.constantFrom<unknown>(
    { a: {}, b: [], l: [] },
    { a: { a: {}, b: "text" }, l: [1, 2, { a: [] }] },
    [{ a: 1 }, [], "b"],
  ),
  patches: fc.array(patch, { minLength: 1, maxLength: 6 }),
});

/**
 * Whatever patches make: the document is what the clients' library makes of it, or as it was before the
 * patch; it is never over the limits, and refuses as too large only what would have been. A run of such
 * patches, compacted, leaves a client with the same state.
 */
export const target: FuzzTarget = fuzzTarget("patches", inputs, ({ document, patches }) => {
  const ours = PatchedDocument.of(clone(document), { ...LIMITS, work: new PatchWork(1e9) });
  if (ours === null) throw new Error("the document is over the limits");
  const applied: JsonPatch[] = [];
  for (const one of patches) {
    if (!isJsonPatch(one) || isOdd(one)) continue;
    const before = ours.value === undefined ? "" : JSON.stringify(ours.value);
    if (isPatchBeyondJson(JSON.parse(before), one)) continue;
    const usage = process.cpuUsage();
    const outcome = ours.apply(clone(one), AS_CLIENTS, JSON.stringify(one).length);
    const ms = process.cpuUsage(usage).user / 1_000;
    if (ms > MAX_PATCH_MS) throw new Error(`took ${ms} ms: ${JSON.stringify(one)}`);
    assertWithin(ours);
    const model = modelOf(JSON.parse(before), one);
    if (outcome !== model.outcome)
      throw new Error(`${outcome} instead of ${model.outcome}: ${before} ${JSON.stringify(one)}`);
    if (outcome !== "overflowed") applied.push(one);
    if (outcome !== "applied" && !isSame(ours.value, JSON.parse(before)))
      throw new Error(`changed by what was not applied: ${before} ${JSON.stringify(one)}`);
    if (outcome === "applied" && !isSame(ours.value, model.value))
      throw new Error(`differs from the library: ${JSON.stringify(ours.value)}`);
  }
  assertSameCompacted(document, applied);
});

interface Model {
  readonly outcome: "applied" | "refused" | "overflowed";
  readonly value: unknown;
}

/** What the library makes of it, one operation after the other, as long as that is within the limits. */
function modelOf(document: unknown, operations: JsonPatch): Model {
  let made = document;
  for (const one of operations) {
    try {
      made = publishedPatch(made, [one]);
    } catch {
      return { outcome: "refused", value: document };
    }
    if (!measureJson(made, LIMITS)) return { outcome: "overflowed", value: document };
  }
  return { outcome: "applied", value: made };
}

function assertWithin(document: PatchedDocument): void {
  const size = measureJson(document.value, LIMITS);
  if (!size) throw new Error("over the limits");
  if (size.bytes > document.bytes)
    throw new Error(`${size.bytes} bytes are said to be ${document.bytes}`);
}

function assertSameCompacted(snapshot: unknown, patches: readonly JsonPatch[]): void {
  const lines = [
    { type: "STATE_SNAPSHOT", snapshot },
    ...patches.map((delta) => ({ type: "STATE_DELTA", delta })),
  ].map((event) => JSON.stringify(event));
  const compacted = compact(lines);
  assertObjectLines(compacted);
  const state = stateOf(compacted.split("\n").slice(0, -1));
  if (!isSame(state, stateOf(lines))) throw new Error(`condensed to ${compacted}`);
}

function compact(lines: readonly string[]): string {
  const out: Uint8Array<ArrayBuffer>[] = [];
  const blockCompactor = new BlockCompactor((bytes) => out.push(bytes.slice()), new SeenIds());
  blockCompactor.push(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
  blockCompactor.finish();
  return new TextDecoder().decode(concatBytes(out));
}

function stateOf(lines: readonly string[]): unknown {
  let state: unknown = {};
  for (const line of lines) {
    const event: { snapshot?: unknown; delta?: JsonPatch } = JSON.parse(line);
    if (event.delta === undefined) state = event.snapshot;
    else {
      // a client leaves the state as it was where a patch fails
      const next = publishedPatchOrNone(state, event.delta);
      if (next !== undefined) state = next;
    }
  }
  return state;
}

function isSame(a: unknown, b: unknown): boolean {
  return isEqualJson(a, b, () => {});
}

/** As an event has it: an operation that is repeated has a value of its own each time. */
function clone<T>(json: T): T {
  return JSON.parse(JSON.stringify(json));
}

/**
 * Where the library leaves the standard: moving the root, documents that are no containers any more, and
 * within the path of a copy, or in a test, a list at an index that is none.
 */
function isOdd(operations: JsonPatch): boolean {
  return operations.some((one) => {
    const from = "from" in one ? one.from : null;
    const isIntoItself = one.op === "move" && from !== null && one.path.startsWith(from);
    const isRoot = one.path === "" && one.op !== "test";
    return (
      isRoot ||
      isIntoItself ||
      from === "" ||
      /\/(?:|007|-)(?:\/|$)/.test(`${from}`) ||
      /\/(?:|007)\//.test(one.path)
    );
  });
}
