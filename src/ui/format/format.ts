const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long something took: `230 ms`, `4.2 s`, `3 min 5 s`, `2 h 1 min`. */
export function duration(ms: number): string {
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < MINUTE) return `${(ms / SECOND).toFixed(1)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ${Math.floor((ms % MINUTE) / SECOND)} s`;
  return `${Math.floor(ms / HOUR)} h ${Math.floor((ms % HOUR) / MINUTE)} min`;
}

/** How long ago something was, in its largest unit. */
export function ago(time: number, now: number): string {
  const ms = Math.max(0, now - time);
  if (ms < 10 * SECOND) return "just now";
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s ago`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ago`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)} h ago`;
  return `${Math.floor(ms / DAY)} d ago`;
}

/** `950`, `1.5k`, `2.3M`: counts that are compared and not added. */
export function count(value: number): string {
  if (value < 1_000) return String(value);
  if (value < 1_000_000) return `${(value / 1_000).toFixed(value < 10_000 ? 1 : 0)}k`;
  return `${(value / 1_000_000).toFixed(1)}M`;
}

/** `512 B`, `1.5 KiB`, `20 MiB`. */
export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let scaled = value;
  while (scaled >= 1_024 && unit < units.length - 1) {
    scaled /= 1_024;
    unit++;
  }
  return `${unit === 0 || scaled >= 10 ? Math.round(scaled) : scaled.toFixed(1)} ${units[unit]}`;
}

/** How many tokens a usage says were taken (PROTOCOL 20.5); null if it does not say. */
export function tokensOf(usage: unknown): number | null {
  const said: Readonly<Record<string, unknown>> = Object(usage);
  const { totalTokens, inputTokens, outputTokens } = said;
  if (typeof totalTokens === "number") return totalTokens;
  const parts = [inputTokens, outputTokens].filter((part) => typeof part === "number");
  return parts.length === 0 ? null : parts.reduce((sum, part) => sum + part, 0);
}

const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hourCycle: "h23",
});

/** The time of day of milliseconds since 1970, as its reader's clock has it. */
export function clock(time: number): string {
  return CLOCK.format(time);
}
