/** Width of a plot, in user units; they scale to any size. */
export const WIDTH = 640;

/** Distinct on light and dark ground, and to most who see fewer colours. */
export const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"] as const;

type Attributes = Readonly<Record<string, string | number>>;

/** An element with its attributes and content; content is markup, see `text` for text. */
export function element(name: string, attributes: Attributes, content = ""): string {
  const list = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${escape(String(value))}"`,
  );
  return `<${name}${list.join("")}>${content}</${name}>`;
}

/** A line of text at a point. */
export function text(x: number, y: number, content: string, attributes: Attributes = {}): string {
  return element("text", { x: round(x), y: round(y), ...attributes }, escape(content));
}

/** A whole picture with a title that is read aloud; readable in a dark page as well as in a light one. */
export function picture(title: string, height: number, content: readonly string[]): string {
  const style =
    "text{font:12px system-ui,sans-serif;fill:#444}.title{font-size:14px;font-weight:600}.axis{stroke:#999}.grid{stroke:#ddd}";
  return `${element(
    "svg",
    { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${WIDTH} ${height}`, role: "img" },
    [
      element("title", {}, escape(title)),
      element("style", {}, style),
      element("rect", { width: WIDTH, height, fill: "#fff" }),
      text(16, 24, title, { class: "title" }),
      ...content,
    ].join("\n"),
  )}\n`;
}

/** Coordinates need no more than a tenth. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(raw: string): string {
  return raw.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
