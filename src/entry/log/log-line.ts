import { styleText } from "node:util";
import type { LogFacts, LogLevel } from "../../ports/logger.ts";
import { visible } from "../terminal/visible.ts";

/** One line of a log. */
export interface LogLine {
  readonly time: Date;
  readonly level: LogLevel;
  readonly event: string;
  readonly facts: LogFacts;
}

/** The line as a JSON object, for programs. Errors are there with their causes. */
export function jsonLine({ time, level, event, facts }: LogLine): string {
  const line = { time: time.toISOString(), level, event, ...facts };
  // a replacer takes several times as long, and a line a request has nothing for it
  return Object.values(facts).every(isPlain)
    ? JSON.stringify(line)
    : JSON.stringify(line, describeError);
}

function isPlain(value: unknown): boolean {
  return (typeof value !== "object" && typeof value !== "bigint") || value === null;
}

function describeError(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  const code = "code" in value ? { code: value.code } : {};
  return { name, ...code, message, ...(cause !== undefined ? { cause } : { stack }) };
}

const STYLES = { debug: "dim", info: "cyan", warn: "yellow", error: "red" } as const;
const LONGEST = "debug".length;
const PLAIN_VALUE = /^[^\s"=]+$/;

/**
 * The line for people: `12:03:04 info  listening url=http://127.0.0.1:8080`. A fact `text` is a sentence and stands by
 * itself; stacks of errors follow on lines of their own. It has colours where the terminal of standard error wants them.
 */
export function readableLine({ time, level, event, facts }: LogLine): string {
  const { text, ...others } = facts;
  const said = typeof text === "string" ? [visible(text)] : [];
  const values = Object.entries(others).filter(([, value]) => value !== undefined);
  const told = values.map(([name, value]) => `${name}=${valueText(value)}`);
  const clock = time.toTimeString().slice(0, "12:03:04".length);
  const stacks = values.flatMap(([, value]) => (value instanceof Error ? stackOf(value) : []));
  const head = [
    styled("dim", clock),
    styled(STYLES[level], level.padEnd(LONGEST)),
    event,
    ...said,
    ...told,
  ].join(" ");
  return [head, ...stacks.map((line) => styled("dim", `    ${visible(line.trim())}`))].join("\n");
}

function styled(style: "dim" | "cyan" | "yellow" | "red", text: string): string {
  return styleText(style, text, { stream: process.stderr });
}

function valueText(value: unknown): string {
  if (value instanceof Error) return visible(JSON.stringify(`${value.name}: ${value.message}`));
  if (typeof value !== "string") return visible(JSON.stringify(value, describeError) ?? "");
  return visible(PLAIN_VALUE.test(value) ? value : JSON.stringify(value));
}

/** Where it was thrown, or what caused it. */
function stackOf({ cause, stack = "" }: Error): readonly string[] {
  if (cause instanceof Error)
    return [`caused by ${cause.name}: ${cause.message}`, ...stackOf(cause)];
  return stack.split("\n").filter((line) => line.startsWith("    at "));
}
