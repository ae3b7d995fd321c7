import type { Reporter, TestModule } from "vitest/node";

/** Ends a test run with one plain line, without colours, that any log can be searched for. */
export default class PlainSummary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      for (const test of tests) {
        const { state } = test.result();
        if (state !== "pending") counts[state] += 1;
      }
      // a file that could not be loaded has no tests and must not look like a success
      if (module.state() === "failed" && !tests.some((test) => test.result().state === "failed"))
        counts.failed += 1;
    }
    counts.failed += errors.length;
    process.stdout.write(
      `\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`,
    );
  }
}
