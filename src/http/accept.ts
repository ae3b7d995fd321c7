import type { Context } from "hono";

/** One item of a header such as `Accept`: its value, and its weight. */
interface AcceptItem {
  readonly name: string;
  readonly quality: number;
}

/** The items of a header such as `Accept`, without their other parameters (RFC 9110, 12.4). */
function itemsOf(header: string): AcceptItem[] {
  return header
    .split(",")
    .map((item) => {
      const [name = "", ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
      const weight = parameters.find((part) => part.startsWith("q="))?.slice(2);
      // an invalid weight is ignored
      const quality = weight !== undefined && /^[01](\.\d*)?$/.test(weight) ? Number(weight) : 1;
      return { name: name === "*" ? "*/*" : name, quality: Math.min(1, quality) };
    })
    .filter(({ name }) => name !== "");
}

/** Whether a header names `value`, as it is and not by a wildcard, and does not refuse it by `q=0`. */
export function accepts(header: string | undefined, value: string): boolean {
  return itemsOf(header ?? "").some(({ name, quality }) => name === value && quality > 0);
}

/**
 * The one of `types` that a request's `Accept` prefers, or null if it accepts none; the first one
 * for a request without it. Of equal weights the more specific one counts, then the earlier one of
 * `types`.
 */
export function preferredType<T extends string>(c: Context, types: readonly T[]): T | null {
  const items = itemsOf(c.req.header("Accept") ?? "*/*");
  if (items.length === 0) return types[0] ?? null;
  let best: { readonly type: T; readonly quality: number; readonly closeness: number } | null =
    null;
  for (const type of types) {
    const ranges = [type, `${type.slice(0, type.indexOf("/"))}/*`, "*/*"];
    const item = ranges.flatMap((range) => items.filter(({ name }) => name === range))[0];
    if (!item || item.quality === 0) continue;
    const offer = { type, quality: item.quality, closeness: -ranges.indexOf(item.name) };
    const isBetter =
      best === null ||
      offer.quality > best.quality ||
      (offer.quality === best.quality && offer.closeness > best.closeness);
    if (isBetter) best = offer;
  }
  return best?.type ?? null;
}
