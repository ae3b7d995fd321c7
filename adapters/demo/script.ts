/** One beat of a demo run. `play.ts` turns each into the AG-UI events that a runner would send. */
export type DemoStep =
  | { readonly kind: "reasoning"; readonly text: string }
  | { readonly kind: "text"; readonly text: string }
  | {
      readonly kind: "tool";
      readonly name: string;
      readonly args: Readonly<Record<string, unknown>>;
      /** How long the tool seems to work. */
      readonly workMs: number;
      readonly result: string;
    }
  | {
      readonly kind: "question";
      readonly question: string;
      readonly header: string;
      readonly options: readonly { readonly label: string; readonly description: string }[];
    }
  | { readonly kind: "state"; readonly snapshot: Readonly<Record<string, unknown>> }
  | { readonly kind: "patch"; readonly delta: readonly Readonly<Record<string, unknown>>[] }
  | { readonly kind: "step-started" | "step-finished"; readonly name: string };

const WAIT_LABEL = "Wait for the event";
const TIMEOUT_LABEL = "Raise the timeout";

const TEST_SOURCE = `     1	import { expect, it } from "vitest";
     2	import { createCheckout } from "../src/checkout/index.ts";
     3	
     4	it("charges the card once the stock is reserved", async () => {
     5	  const checkout = createCheckout({ stock: fakeStock(), cards: fakeCards() });
     6	  checkout.submit({ sku: "tea-250g", quantity: 2 });
     7	  await new Promise((resolve) => setTimeout(resolve, 50));
     8	  expect(checkout.status()).toBe("charged");
     9	});
`;

const GREP_RESULT = `src/checkout/index.ts:41:  const deadline = clock.now() + options.reserveTimeoutMs;
src/checkout/reserve.ts:18:  await retry(() => stock.reserve(order), { attempts: 3, waitMs: 20 });
src/checkout/reserve.ts:27:  events.emit("reserved", order.id);
`;

const FLAKY_OUTPUT = ` ✓ test/checkout.test.ts (1 test) 61ms
 ✓ test/checkout.test.ts (1 test) 58ms
 ✓ test/checkout.test.ts (1 test) 63ms
 ✗ test/checkout.test.ts (1 test | 1 failed) 55ms
   → expected 'reserving' to be 'charged'

   ❯ test/checkout.test.ts:8:29
     8|   expect(checkout.status()).toBe("charged");
      |                             ^

exit code 1
`;

/** What the demo plays for a first message: an investigation that ends in a question to the user. */
export const FIRST_SCRIPT: readonly DemoStep[] = [
  {
    kind: "state",
    snapshot: { task: "Find out why the checkout test is flaky", phase: "reading", filesRead: [] },
  },
  { kind: "step-started", name: "investigate" },
  {
    kind: "reasoning",
    text:
      "A test that fails one time in ten most likely depends on timing. I should read the test " +
      "first, then look for timers and retries in the code it calls, and only then run it often " +
      "enough to see the failure myself.",
  },
  {
    kind: "text",
    text:
      "I'll start with the failing test, then look for anything in the checkout code that depends " +
      "on timing. (You are watching runlog's demo runner: this run is scripted, the log, the " +
      "stream and the cursors are real.)",
  },
  {
    kind: "tool",
    name: "Read",
    args: { file_path: "test/checkout.test.ts" },
    workMs: 600,
    result: TEST_SOURCE,
  },
  {
    kind: "tool",
    name: "Grep",
    args: { pattern: "setTimeout|deadline|retry|emit", path: "src/checkout" },
    workMs: 500,
    result: GREP_RESULT,
  },
  {
    kind: "patch",
    delta: [
      { op: "replace", path: "/phase", value: "reproducing" },
      { op: "add", path: "/filesRead/-", value: "test/checkout.test.ts" },
      { op: "add", path: "/filesRead/-", value: "src/checkout/reserve.ts" },
    ],
  },
  {
    kind: "text",
    text:
      "The test sleeps for 50 ms and then expects the charge to be done, while `reserve.ts` may " +
      "retry three times with 20 ms between the attempts. That can add up to more than the test " +
      "waits for. Let me see it fail.",
  },
  {
    kind: "tool",
    name: "Bash",
    args: {
      command: "for i in $(seq 10); do npm test -- checkout || break; done",
      description: "Run the checkout test until it fails",
    },
    workMs: 3_000,
    result: FLAKY_OUTPUT,
  },
  { kind: "step-finished", name: "investigate" },
  {
    kind: "patch",
    delta: [
      { op: "replace", path: "/phase", value: "asking" },
      { op: "add", path: "/cause", value: "the test sleeps 50 ms, a reservation may take 60" },
    ],
  },
  {
    kind: "text",
    text:
      "Reproduced on the fourth run: the status was still `reserving`.\n\n" +
      "There are two ways to fix it:\n\n" +
      "1. **Wait for the event.** The checkout emits `reserved`; the test can await it and needs " +
      "no sleep at all.\n" +
      "2. **Raise the timeout.** One line, but the test stays slow and only fails more rarely.\n",
  },
  {
    kind: "question",
    header: "Fix",
    question: "How shall I fix the flaky test?",
    options: [
      { label: WAIT_LABEL, description: "Await the `reserved` event, remove the sleep" },
      { label: TIMEOUT_LABEL, description: "Sleep for 500 ms instead of 50" },
    ],
  },
];

interface Fix {
  readonly comment: string;
  readonly newText: string;
  readonly output: string;
}

const WAIT_FIX: Fix = {
  comment: "so the test waits for what it means and not for the clock",
  newText: '  await once(checkout.events, "reserved");',
  output: "20 runs, 20 passed, slowest 24ms\n",
};

const TIMEOUT_FIX: Fix = {
  comment: "which leaves a wide margin, at the price of a slower test",
  newText: "  await new Promise((resolve) => setTimeout(resolve, 500));",
  output: "20 runs, 20 passed, slowest 512ms\n",
};

/** What the demo plays when the user has answered the question: the fix that was chosen. */
export function answerScript(answer: string): readonly DemoStep[] {
  const fix = /timeout/i.test(answer) ? TIMEOUT_FIX : WAIT_FIX;
  const edit = {
    file_path: "test/checkout.test.ts",
    old_string: "  await new Promise((resolve) => setTimeout(resolve, 50));",
    new_string: fix.newText,
  };
  return [
    {
      kind: "state",
      snapshot: { task: "Fix the flaky checkout test", phase: "editing", answer },
    },
    { kind: "step-started", name: "fix" },
    {
      kind: "reasoning",
      text:
        "The user has decided. The change is one line in the test; afterwards I have to run it " +
        "more often than it took to see it fail.",
    },
    { kind: "text", text: `Your answer was "${answer}", ${fix.comment}. I'll make the change.` },
    {
      kind: "tool",
      name: "Edit",
      args: edit,
      workMs: 900,
      result: `The file ${edit.file_path} has been updated:\n     7\t${edit.new_string}\n`,
    },
    { kind: "patch", delta: [{ op: "replace", path: "/phase", value: "verifying" }] },
    { kind: "text", text: "Now the proof: twice as many runs as it took to fail, and then some." },
    {
      kind: "tool",
      name: "Bash",
      args: {
        command: "for i in $(seq 20); do npm test -- checkout || break; done",
        description: "Run the checkout test twenty times",
      },
      workMs: 5_500,
      result: fix.output,
    },
    { kind: "step-finished", name: "fix" },
    { kind: "patch", delta: [{ op: "replace", path: "/phase", value: "done" }] },
    {
      kind: "text",
      text:
        "Twenty of twenty runs passed. I changed one line in `test/checkout.test.ts` and nothing " +
        "else.\n\nWrite another message to see the investigation again, or reload the page while " +
        "it runs: the stream goes on exactly where you left it.",
    },
  ];
}
