import { readBytes, readDuration, readFlag, readInteger } from "./values.ts";

/** Where a setting is followed: by the process on Node, or by the worker. */
export type SettingEntry = "node" | "worker";

/** Headings of the page of settings. */
export type SettingGroup =
  | "Server"
  | "Storage"
  | "Replicas"
  | "Runners"
  | "Access"
  | "Cluster"
  | "Webhooks"
  | "Logs"
  | "Telemetry"
  | "Limits";

/** A variable of the environment: what it is, and how it is read. */
export interface Setting<T = unknown> {
  readonly name: string;
  /** What counts where it is not set, or empty. */
  readonly fallback: T;
  /** The default for people; empty where there is none. */
  readonly shown: string;
  /** What it means, in half a sentence. */
  readonly meaning: string;
  readonly group: SettingGroup;
  /** Its value; null for a text that it cannot be. */
  readonly read: (text: string) => T | null;
  /** What it must be, for the error. */
  readonly form: string;
  /** Any other entry refuses it by its name. */
  readonly entries: readonly SettingEntry[];
  /** The option of `runlog serve` that stands above it, without its dashes; undefined where there is none. */
  readonly flag?: string;
}

/** Reads a setting; a value that it cannot have is a problem of the configuration, and its default counts. */
export type Read = <T>(setting: Setting<T>) => T;

type Texts = Pick<Setting, "shown" | "meaning" | "group"> &
  Partial<Pick<Setting, "entries" | "flag">>;

const NODE: readonly SettingEntry[] = ["node"];
export const SERVERS: readonly SettingEntry[] = ["node", "worker"];

export function setting<T>(
  name: string,
  fallback: T,
  read: Setting<T>["read"],
  { form, entries = NODE, ...texts }: Texts & { readonly form: string },
): Setting<T> {
  return { name, fallback, read, form, entries, ...texts };
}

/** Taken as it is, or checked together with other settings. */
export function text(
  name: string,
  texts: Texts & { readonly form?: string },
): Setting<string | null> {
  return setting<string | null>(name, null, (given) => given, { form: "a text", ...texts });
}

export function flag(name: string, isOn: boolean, texts: Texts): Setting<boolean> {
  return setting(name, isOn, readFlag, { form: "0 or 1", ...texts });
}

export function duration<T extends number | null>(
  name: string,
  ms: T,
  texts: Texts,
): Setting<number | T> {
  const [first] = texts.shown.split(",");
  const example = texts.shown === "off" ? "30m" : first;
  return setting<number | T>(name, ms, readDuration, {
    form: `a time such as ${example}`,
    ...texts,
  });
}

export function size(name: string, byDefault: number, texts: Texts): Setting<number> {
  return setting(name, byDefault, readBytes, { form: "a size such as 64MiB", ...texts });
}

export function count(name: string, max: number, texts: Texts): Setting<number> {
  return setting(name, Number(texts.shown), (given) => readInteger(given, max), {
    form: "a number",
    ...texts,
  });
}
