import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRetention, ruleOf } from "../../../../src/core/retention/policy.ts";

const DAY_MS = 86_400_000;

describe("a retention policy", () => {
  it("has a rule for all projects, and rules for some", () => {
    const policy = parseRetention("archive:30d, delete:52w; demo=delete:12h;legal=keep")!;
    expect(ruleOf(policy, "any")).toEqual({
      archiveAfterMs: 30 * DAY_MS,
      deleteAfterMs: 364 * DAY_MS,
    });
    expect(ruleOf(policy, "demo")).toEqual({ archiveAfterMs: null, deleteAfterMs: DAY_MS / 2 });
    expect(ruleOf(policy, "legal")).toEqual({ archiveAfterMs: null, deleteAfterMs: null });
  });

  it("may be for some projects alone", () => {
    const policy = parseRetention("demo=archive:90m")!;
    expect(ruleOf(policy, "demo").archiveAfterMs).toBe(90 * 60_000);
    expect(ruleOf(policy, "any")).toEqual({ archiveAfterMs: null, deleteAfterMs: null });
  });

  it.each([
    ["", "nothing"],
    ["archive", "no age"],
    ["archive:30", "no unit"],
    ["archive:0d", "no time"],
    ["archive:-1d", "less than none"],
    ["archive:1.5d", "a part"],
    ["remove:30d", "an unknown action"],
    ["archive:30d,archive:40d", "an action twice"],
    ["archive:30d,delete:30d", "a deletion that leaves nothing to archive"],
    ["archive:30d,delete:1d", "a deletion before the archive"],
    ["archive:30d;delete:365d", "two rules for all"],
    ["demo=keep;delete:1d", "the rule for all in the midst"],
    ["Demo=keep", "a name that no project has"],
    ["demo=keep;demo=keep", "a project twice"],
    ["demo=delete=1d", "two signs"],
    ["keep,delete:1d", "what excludes itself"],
  ])("is none: %j, %s", (text) => {
    expect(parseRetention(text)).toBeNull();
  });

  it("never throws, and never has an age of none", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from("archivedelt:;=,0123dhwm ")) }),
        (text) => {
          const policy = parseRetention(text);
          for (const rule of policy ? [policy.rule, ...policy.projects.values()] : [])
            for (const ms of Object.values(rule)) expect(ms === null || ms > 0).toBe(true);
        },
      ),
    );
  });
});
