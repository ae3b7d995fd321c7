import { EXIT } from "./exit.ts";

let outlivesOutput = false;

/** One line for people, on standard error. */
export function say(text: string): void {
  process.stderr.write(`runlog: ${text}\n`);
}

/**
 * Handles output that cannot be written. A command whose reader has ended (`| head`) ends silently,
 * and one that writes to a full disk prints the error; a server goes on. Standard error without a
 * reader - a terminal that was closed, a log collector that died - ends neither.
 */
export function guardOutput(): void {
  process.stderr.on("error", () => {
    // there is no place to print it
  });
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (outlivesOutput) return;
    if (error.code === "EPIPE") process.exit(EXIT.unread);
    say(`The output cannot be written: ${error.message}`);
    process.exit(EXIT.failed);
  });
}

/** From now on the process goes on when its output has no reader. */
export function outliveOutput(): void {
  outlivesOutput = true;
}

/** Ends the process once all that it has printed is written. */
export async function endProcess(code: number): Promise<never> {
  for (const stream of [process.stdout, process.stderr])
    await new Promise<void>((resolve) => {
      stream.write("", () => resolve());
    });
  process.exit(code);
}
