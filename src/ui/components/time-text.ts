const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hourCycle: "h23",
});
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

/** The time of day of an epoch in ms, as its reader's clock has it. */
export function timeText(ms: number): string {
  return CLOCK.format(ms);
}

/** Day and time of day. */
export function dateText(ms: number): string {
  return `${DAY.format(ms)}, ${CLOCK.format(ms)}`;
}

const UNITS = [
  { ms: 86_400_000, name: "d" },
  { ms: 3_600_000, name: "h" },
  { ms: 60_000, name: "min" },
  { ms: 1_000, name: "s" },
] as const;

/** A duration with its two largest units: `1 h 5 min`, `3.2 s`, `80 ms`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const at = UNITS.findIndex((unit) => ms >= unit.ms);
  const [large, small] = [UNITS[at], UNITS[at + 1]];
  if (!large || !small) return `${Math.round(ms / 1_000)} s`;
  const whole = Math.floor(ms / large.ms);
  const rest = Math.floor((ms - whole * large.ms) / small.ms);
  return rest === 0 ? `${whole} ${large.name}` : `${whole} ${large.name} ${rest} ${small.name}`;
}
