import { RunlogError } from "../../src/ports/errors.ts";

/**
 * How `operation` ended: the code of its RunlogError, or "resolved". Any other error is thrown on,
 * because an adapter translates what its system says.
 */
export async function codeOf(operation: PromiseLike<unknown>): Promise<string> {
  try {
    await operation;
    return "resolved";
  } catch (error) {
    if (error instanceof RunlogError) return error.code;
    throw error;
  }
}

/** What `operation` was rejected with. Throws if it was not. */
export async function reasonOf(operation: PromiseLike<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await operation;
  } catch (error) {
    return error;
  }
  throw new Error(`Expected a rejection, not ${JSON.stringify(value)}`);
}

/** Everything that `items` yields. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
