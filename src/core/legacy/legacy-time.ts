/** RFC 3339, in which letters may be small and a minute may have a leap second. */
const FORM =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i;
const SECONDS_AT = 17;
const LEAP_SECOND = "60";

/** The epoch ms of an RFC 3339 time, fractions of a ms cut off; null for any other text. */
export function readLegacyTime(text: string): number | null {
  if (!FORM.test(text) || !isDay(text)) return null;
  // dates have no leap seconds: it counts as the second after the last of its minute
  if (text.startsWith(LEAP_SECOND, SECONDS_AT))
    return (
      Date.parse(`${text.slice(0, SECONDS_AT)}59${text.slice(SECONDS_AT + 2)}`.toUpperCase()) +
      1_000
    );
  return Date.parse(text.toUpperCase());
}

/** Whether the month has so many days; Date.parse does not check that. */
function isDay(text: string): boolean {
  const day = Number(text.slice(8, 10));
  if (day <= 28) return true;
  const month = new Date(0);
  // the last day before the next month; a year below 100 is one for this setter alone
  month.setUTCFullYear(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0);
  return day <= month.getUTCDate();
}
