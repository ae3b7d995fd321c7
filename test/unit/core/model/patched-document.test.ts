import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isJsonPatch, type JsonPatch } from "../../../../src/core/model/json-patch.ts";
import { isContainer, measureJson } from "../../../../src/core/model/json-value.ts";
import {
  AS_CLIENTS,
  ONLY_CERTAIN,
  type PatchPolicy,
} from "../../../../src/core/model/patch-policy.ts";
import { PatchWork } from "../../../../src/core/model/patch-work.ts";
import { PatchedDocument, type PatchOutcome } from "../../../../src/core/model/patched-document.ts";
import { isPatchBeyondJson, publishedPatchOrNone } from "../../../support/published-patch.ts";

const LIMITS = { maxBytes: 1_000_000, maxDepth: 100 };
const key = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("a", "b", "0", "1") },
  { weight: 1, arbitrary: fc.constantFrom("", "9", "01", "-", "a~1b", "m~0n") },
);
const pointer = fc
  .array(key, { maxLength: 3 })
  .map((keys) => keys.map((one) => `/${one}`).join(""));
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom<unknown>(null, 0, 1, "s", true),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "", "0", "a/b", "m~n"), tie("value"), { maxKeys: 4 }),
  ),
}));
const operation = fc.oneof(
  fc.record({ op: fc.constantFrom("add", "replace", "test"), path: pointer, value }),
  fc.record({ op: fc.constant("remove"), path: pointer }),
  fc.record({ op: fc.constantFrom("copy", "move"), path: pointer, from: pointer }),
);
const container = value.filter(isContainer);
const patches = fc.array(operation, { minLength: 1, maxLength: 4 });

function documentOf(
  given: unknown,
  limits: typeof LIMITS = LIMITS,
  firstWork = 10_000_000,
): PatchedDocument {
  const work = new PatchWork(firstWork);
  const document = PatchedDocument.of(structuredClone(given), { ...limits, work });
  if (!document) throw new Error("over the limits");
  return document;
}

function apply(
  document: PatchedDocument,
  patch: unknown,
  policy: PatchPolicy = AS_CLIENTS,
): PatchOutcome {
  if (!isJsonPatch(patch)) throw new Error("no patch");
  return document.apply(structuredClone(patch), policy, JSON.stringify(patch).length);
}

/** Copies of the document within itself, one more each time. */
const doublings = (count: number): JsonPatch =>
  Array.from({ length: count }, (_, index) => ({ op: "copy", from: "/a", path: `/a/x${index}` }));

const nest = (depth: number): unknown =>
  JSON.parse(`${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`);

describe("a patched document", () => {
  it("is what the clients' library makes of it, or as it was where that fails", () => {
    fc.assert(
      fc.property(container, patches, (given, patch) => {
        fc.pre(isJsonPatch(patch) && !isOdd(patch) && !isPatchBeyondJson(given, patch));
        const document = documentOf(given);
        const want = publishedPatchOrNone(given, patch);
        const outcome = apply(document, patch);
        expect([outcome, document.value]).toEqual(
          want === undefined ? ["refused", given] : ["applied", want],
        );
      }),
      {
        numRuns: 10_000,
        examples: [
          // a place that is there only once the value has gone from before it
          [[null, null, {}], [{ op: "move", path: "/1/", from: "/0" }]],
          [[null, [], {}], [{ op: "move", path: "/1/a", from: "/0" }]],
          [[null, [], {}], [{ op: "move", path: "/1/", from: "/0" }]],
          [[null, [], {}], [{ op: "move", path: "/1/-", from: "/0" }]],
          [[null, [], {}], [{ op: "move", path: "/1/7", from: "/0" }]],
        ],
      },
    );
  });

  it("takes of what is not certain nothing, and of the rest what the clients' library does", () => {
    let applied = 0;
    fc.assert(
      fc.property(container, patches, (given, patch) => {
        const document = documentOf(given);
        if (apply(document, patch, ONLY_CERTAIN) === "applied") {
          applied++;
          expect(document.value).toEqual(publishedPatchOrNone(given, patch));
        } else expect(JSON.stringify(document.value)).toBe(JSON.stringify(given));
      }),
      { numRuns: 10_000 },
    );
    expect(applied).toBeGreaterThan(0);
  });

  it("knows its size, however it came to it", () => {
    fc.assert(
      fc.property(container, fc.array(patches, { maxLength: 4 }), (given, all) => {
        const document = documentOf(given);
        for (const patch of all) apply(document, patch);
        const size = measureJson(document.value, { maxBytes: Infinity, maxDepth: Infinity });
        expect(document.bytes).toBe(size?.bytes);
      }),
      { numRuns: 5_000 },
    );
  });

  it("is as it was, in its order too, after a patch whose last operation fails", () => {
    const given = { a: { b: 1, c: [1, 2, 3] }, d: [], e: "x" };
    const document = documentOf(given);
    const { bytes } = document;
    const patch = [
      { op: "remove", path: "/a/b" },
      { op: "remove", path: "/a/c/0" },
      { op: "copy", from: "/a", path: "/f" },
      { op: "move", from: "/e", path: "/d/0" },
      { op: "replace", path: "/a", value: null },
      { op: "replace", path: "", value: 7 },
    ];
    expect(apply(document, [...patch, { op: "test", path: "", value: 8 }])).toBe("refused");
    expect(JSON.stringify(document.value)).toBe(JSON.stringify(given));
    expect(document.bytes).toBe(bytes);
    expect(apply(document, patch)).toBe("applied");
    expect(document.value).toBe(7);
  });

  it("has the order that its clients' documents have, at no cost of its size", () => {
    const members = Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`k${at}`, at]));
    const work = new PatchWork(0);
    const document = PatchedDocument.of(structuredClone(members), { ...LIMITS, work });
    if (!document) throw new Error("over the limits");
    let want: unknown = members;
    for (const at of [0, 2_000, 4_999, 0]) {
      const patch = [
        { op: "remove", path: `/k${at}` },
        { op: "add", path: `/k${at}`, value: "again" },
        { op: "add", path: `/new${at}`, value: 1 },
        { op: "move", from: "/k3", path: "/k3" },
      ];
      const before = work.left;
      expect(apply(document, patch)).toBe("applied");
      expect(work.left).toBeGreaterThanOrEqual(before);
      want = publishedPatchOrNone(want, patch);
      expect(JSON.stringify(document.value)).toBe(JSON.stringify(want));
    }
    const order = JSON.stringify(document.value);
    const failing = [
      { op: "remove", path: "/k7" },
      { op: "add", path: "/k7", value: 1 },
      { op: "test", path: "/k7", value: 2 },
    ];
    expect(apply(document, failing)).toBe("refused");
    expect(JSON.stringify(document.value)).toBe(order);
  });

  it("has copies that are apart from what they were made of", () => {
    const document = documentOf({ a: { n: [] } });
    apply(document, [
      { op: "copy", from: "/a", path: "/b" },
      { op: "add", path: "/a/n/-", value: 1 },
      { op: "copy", from: "", path: "/c" },
      { op: "add", path: "/c/a/n/-", value: 2 },
    ]);
    const a = { n: [1] };
    expect(document.value).toEqual({ a, b: { n: [] }, c: { a: { n: [1, 2] }, b: { n: [] } } });
  });

  it("does not grow beyond its bytes, whatever the patch does to that end", () => {
    const given = { a: { x: "x".repeat(10_000) }, l: [], s: "" };
    for (const bomb of [
      doublings(30),
      Array.from({ length: 200 }, () => ({ op: "copy", from: "/a", path: "/l/-" })),
      Array.from({ length: 30 }, () => ({ op: "copy", from: "", path: "/s" })),
      [{ op: "add", path: "/s", value: "x".repeat(1_000_000) }],
      [{ op: "add", path: "/s", value: "\u0001".repeat(200_000) }],
    ]) {
      const document = documentOf(given);
      expect(apply(document, bomb)).toBe("overflowed");
      expect(JSON.stringify(document.value)).toBe(JSON.stringify(given));
    }
  });

  it("may grow up to its bytes, and go on after it has shrunk", () => {
    const document = documentOf({ a: "x".repeat(300_000) });
    for (let round = 0; round < 5; round++) {
      expect(apply(document, [{ op: "copy", from: "/a", path: "/b" }])).toBe("applied");
      expect(apply(document, [{ op: "copy", from: "/a", path: "/c" }])).toBe("applied");
      expect(apply(document, [{ op: "remove", path: "/b" }])).toBe("applied");
    }
  });

  it("costs nothing by what goes, however large that is, and knows its size again in time", () => {
    const document = documentOf({ a: "", l: [] }, { maxBytes: 1_000_000, maxDepth: 100 }, 0);
    const large = Array.from({ length: 50_000 }, (_, index) => index);
    for (let round = 0; round < 20; round++) {
      const patch = [{ op: "replace", path: "/l", value: large }];
      expect(apply(document, patch)).toBe("applied");
      expect(document.bytes).toBeLessThan(1_000_000);
      expect(apply(document, [{ op: "replace", path: "/l", value: [] }])).toBe("applied");
    }
    expect(document.value).toEqual({ a: "", l: [] });
  });

  it("gets no deeper than it may, by steps or at once, by what it is given or has", () => {
    const limits = { ...LIMITS, maxDepth: 20 };
    for (const patch of [
      [{ op: "add", path: "/a/a/a/a/a", value: nest(16) }],
      [{ op: "copy", from: "/a", path: "/a/a/a/b" }],
      [
        { op: "copy", from: "/a", path: "/b" },
        { op: "move", from: "/a", path: "/b/a/a/a/a" },
      ],
      [{ op: "replace", path: "", value: nest(21) }],
    ]) {
      const document = documentOf(nest(18), limits);
      expect(apply(document, patch)).toBe("overflowed");
      expect(document.value).toEqual(nest(18));
    }
    const document = documentOf({ a: {} }, limits);
    for (let depth = 2; depth < 20; depth++)
      expect(apply(document, [{ op: "add", path: "/a".repeat(depth), value: {} }])).toBe("applied");
    expect(apply(document, [{ op: "add", path: "/a".repeat(20), value: {} }])).toBe("overflowed");
    expect(apply(document, [{ op: "move", from: "/a/a", path: "/b" }])).toBe("applied");
  });

  it("has paths that are followed up to a length", () => {
    const document = documentOf({ ["k".repeat(1_000)]: 1 });
    const path = (length: number): string => `/${"k".repeat(length)}`;
    expect(apply(document, [{ op: "remove", path: path(1_000) }])).toBe("applied");
    expect(apply(document, [{ op: "remove", path: "/k".repeat(30_000) }])).toBe("refused");
    expect(apply(document, [{ op: "add", path: path(70_000), value: 1 }])).toBe("overflowed");
  });

  it("takes no more work than the text of its events pays for", () => {
    const list = Array.from({ length: 200_000 }, () => 1);
    const members = Object.fromEntries(list.slice(0, 2_000).map((one, at) => [`k${at}`, one]));
    const given = { l: list, o: { a: "x".repeat(20_000) }, m: members };
    const rounds = (patch: JsonPatch): number => {
      const document = documentOf(given, LIMITS, 0);
      for (let round = 0; round < 5_000; round++)
        if (apply(document, patch) === "overflowed") return round;
      return Infinity;
    };
    for (const costly of [
      [{ op: "copy", from: "/o", path: "/p" }],
      [{ op: "move", from: "/l/0", path: "/l/-" }],
      [
        { op: "move", from: "/m", path: "/o/m" },
        { op: "move", from: "/o/m", path: "/m" },
      ],
      [{ op: "test", path: "/m", value: { k1: 1 } }],
      [{ op: "test", path: "", value: { l: [], o: {}, m: { k1: 1 } } }],
    ] satisfies JsonPatch[])
      expect([costly, rounds(costly) < Infinity]).toEqual([costly, true]);
    for (const cheap of [
      [{ op: "replace", path: "/l/0", value: 2 }],
      [{ op: "move", from: "/m", path: "/m" }],
      [{ op: "copy", from: "/l/0", path: "/m/k1" }],
    ] satisfies JsonPatch[])
      expect([cheap, rounds(cheap)]).toEqual([cheap, Infinity]);
  });

  it("reaches nothing that objects have in common", () => {
    const odd: unknown = JSON.parse('{"constructor":{"prototype":{}}}');
    for (const policy of [AS_CLIENTS, ONLY_CERTAIN])
      for (const path of ["/__proto__/x", "/constructor/prototype/x", "/toString/x"])
        expect(apply(documentOf(odd), [{ op: "add", path, value: 1 }], policy)).toBe("refused");
  });
});

/**
 * Where the library leaves the standard: moving the root, roots that are no containers any more, and
 * lists at an index that is none within the path of a copy.
 */
function isOdd(patch: JsonPatch): boolean {
  return patch.some((one) => {
    const from = "from" in one ? one.from : "-";
    const isWithin = one.op === "move" && one.path.startsWith(from);
    return one.path === "" || from === "" || isWithin || /\/(?:|01)\//.test(one.path);
  });
}
