const CLUSTERS = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const PLAIN = /^[\x20-\x7e]*$/;
/** Characters that terminals give two columns: of East Asian scripts, full width forms, emoji. */
const WIDE =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|\ufe0f/u;
/** Marks that stand on the character before them. */
const MARKS = /^[\p{M}\u200b-\u200d]+$/u;

/** How many columns a text takes on a terminal. It has no control characters. */
export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const { segment } of CLUSTERS.segment(text)) width += clusterWidth(segment);
  return width;
}

/** The text in at most so many columns, with `…` at its end where it is cut. */
export function fitTo(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  let width = 1;
  let kept = "";
  for (const { segment } of CLUSTERS.segment(text)) {
    width += clusterWidth(segment);
    if (width > columns) break;
    kept += segment;
  }
  return columns < 1 ? "" : `${kept}…`;
}

function clusterWidth(cluster: string): number {
  if (MARKS.test(cluster)) return 0;
  return WIDE.test(cluster) ? 2 : 1;
}
