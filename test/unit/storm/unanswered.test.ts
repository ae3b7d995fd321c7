import { expect, it } from "vitest";
import { unansweredBecause, unansweredViolation } from "../../../scripts/storm/unanswered.ts";

const answered = { resumed: 900, "refused with 503": 89 };

it("a wave of which one in a hundred got no answer is in order", () => {
  const counts = { ...answered, [unansweredBecause("ECONNRESET")]: 11 };
  expect(unansweredViolation("storm", { ...counts, resumed: 1_000 })).toBeNull();
  expect(unansweredViolation("storm", {})).toBeNull();
});

it("a wave of which more got no answer is not, whatever the reasons", () => {
  const counts = {
    ...answered,
    [unansweredBecause("ECONNRESET")]: 6,
    [unansweredBecause("gave up")]: 5,
  };
  expect(unansweredViolation("storm", counts)).toBe("11 of 1,000 of the storm got no answer");
});

it("a refusal and a stream that was cut off are answers", () => {
  expect(unansweredViolation("flood", { "refused with 503": 50, "cut off": 50 })).toBeNull();
});
