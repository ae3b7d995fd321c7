/** What a suite's option `create` makes for one test. */
interface Disposable {
  /** Removes what is there. Called once, also after a failed test. */
  dispose(): Promise<void>;
}

/** Makes a harness for one test, calls `body` with it, and disposes of it, also if `body` fails. */
export async function withHarness<Harness extends Disposable>(
  create: () => Promise<Harness>,
  body: (harness: Harness) => Promise<void>,
): Promise<void> {
  const harness = await create();
  try {
    await body(harness);
  } finally {
    await harness.dispose();
  }
}
