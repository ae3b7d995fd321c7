import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hashOf, type Link, parseLink, START, VIEW_NAMES } from "../../../src/ui/router/link.ts";

const someText = fc.string({ minLength: 1, unit: "grapheme" });
const anyLink: fc.Arbitrary<Link> = fc.record({
  project: someText,
  session: someText,
  view: fc.constantFrom(...VIEW_NAMES),
  run: fc.option(someText),
  other: fc.option(someText),
  at: fc.option(someText),
});

describe("links", () => {
  it("say what they were made of", () => {
    fc.assert(
      fc.property(anyLink, (link) => {
        expect(parseLink(hashOf(link))).toEqual(link);
      }),
    );
  });

  it.each([
    ["", START],
    ["#", START],
    ["#/", START],
    ["#/demo", { ...START, project: "demo" }],
    ["#/demo/", { ...START, project: "demo" }],
    ["#/demo/hello", { ...START, project: "demo", session: "hello" }],
    ["#/demo/a%2Fb/nothing?at=", { ...START, project: "demo", session: "a/b" }],
    ["#/demo/%zz/runs", { ...START, project: "demo", session: "%zz", view: "runs" }],
  ])("%j is read", (hash, link) => expect(parseLink(hash)).toEqual(link));

  it("keep to the list where there is no session", () => {
    expect(hashOf({ ...START, project: "demo", run: "r1" })).toBe("#/demo");
    expect(hashOf(START)).toBe("#/");
  });

  it("whatever an address says, it is a link", () => {
    fc.assert(
      fc.property(fc.string(), (hash) => {
        const link = parseLink(`#/${hash}`);
        expect(VIEW_NAMES).toContain(link.view);
      }),
    );
  });
});
