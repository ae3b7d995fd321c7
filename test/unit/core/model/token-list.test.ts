import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  formatTokenEntry,
  parseTokenList,
  TOKEN_RIGHTS,
  type TokenEntry,
} from "../../../../src/core/model/token-list.ts";

const label = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const entry: fc.Arbitrary<TokenEntry> = fc.record({
  name: fc.stringMatching(/^[A-Za-z0-9_.]{1,12}$/),
  sha256: fc.stringMatching(/^[0-9a-f]{64}$/),
  right: fc.constantFrom(...TOKEN_RIGHTS),
  projects: fc.option(fc.array(label, { minLength: 1, maxLength: 3 })),
});
const HASH = "a".repeat(64);

describe("a list of tokens", () => {
  it("is read as it was written, whatever stands between its lines", () => {
    const filler = fc.constantFrom("\n", "\r\n", "\n\n", "\n# who\n", "\n   \n", "\n  #x\r\n");
    const entries = fc.uniqueArray(entry, { selector: ({ sha256 }) => sha256, maxLength: 6 });
    fc.assert(
      fc.property(entries, fc.array(filler, { minLength: 6, maxLength: 6 }), (all, between) => {
        const text = all.map((one, at) => `${formatTokenEntry(one)}${between[at]}`).join("");
        expect([...parseTokenList(text).values()]).toEqual(all);
      }),
    );
  });

  it("is refused as a whole, with each line that is wrong", () => {
    const text = `ann ${HASH} read *\nbob\nann ${HASH} read *\ncid ${HASH.slice(1)} read *`;
    expect(() => parseTokenList(text)).toThrow(/^line 2: .*; line 3: .*twice; line 4: .*SHA-256/);
  });

  it.each([
    `ann ${HASH} read`,
    `ann ${HASH} read a, b`,
    `ann ${HASH} READ *`,
    `ann ${HASH} read a,*`,
    `ann ${HASH} read ../other`,
    `ann ${HASH} read ,`,
    `ann ${HASH.toUpperCase()} read *`,
    `-ann ${HASH} read *`,
    `änn ${HASH} read *`,
    `ann rl_token-itself read *`,
  ])("has no line such as %s", (line) => {
    expect(() => parseTokenList(line)).toThrow("line 1");
  });

  it("is empty where nobody is in it, which lets nobody in", () => {
    expect(parseTokenList("# nobody\n").size).toBe(0);
  });
});
