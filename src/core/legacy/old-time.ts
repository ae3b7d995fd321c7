/** RFC 3339, which also allows small letters. */
const FORM = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(?:Z|([+-])(\d\d):(\d\d))$/i;
const MINUTE_MS = 60_000;

/** The epoch ms of an RFC 3339 time, fractions of them cut off; null for any other text. */
export function readOldTime(text: string): number | null {
  const match = FORM.exec(text);
  if (!match) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map(Number);
  const [fraction = ".", sign = "+", offsetHour = "0", offsetMinute = "0"] = match.slice(7);
  const offset = Number(offsetHour) * 60 + Number(offsetMinute);
  const isTime = hour < 24 && minute < 60 && second <= 60 && Number(offsetMinute) < 60;
  const date = new Date(0);
  // Date.UTC takes years before 100 for those of another century
  date.setUTCFullYear(year, month - 1, day);
  const isDay = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  if (!isTime || !isDay || offset >= 24 * 60) return null;
  date.setUTCHours(hour, minute, second, Number(fraction.slice(1, 4).padEnd(3, "0")));
  return date.getTime() - (sign === "-" ? -offset : offset) * MINUTE_MS;
}
