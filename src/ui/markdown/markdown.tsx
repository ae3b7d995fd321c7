import { Lexer, type MarkedToken, type Token, type Tokens } from "marked";
import type { ComponentChild } from "preact";
import { useMemo, useState } from "preact/hooks";
import { bytes } from "../format/format.ts";

/** Longer texts are shown as they are: to read Markdown takes time with each word that is streamed. */
const MAX_MARKDOWN = 60_000;
/** Longer texts are shown up to there until the rest is asked for. */
const MAX_SHOWN = 20_000;
const MAX_DEPTH = 24;

/**
 * A text that may be Markdown. It is made into elements, never into HTML: what looks like HTML in it is shown as text. Links lead
 * to the web alone, and images of other places are links.
 */
export function Markdown({ text }: { readonly text: string }) {
  const nodes = useMemo(() => markdownNodes(text), [text]);
  if (nodes === null) return <LongText text={text} />;
  return (
    <div class="markdown" dir="auto">
      {nodes}
    </div>
  );
}

/** A text as it is, of which the beginning is shown first if it is long. */
export function LongText({ text }: { readonly text: string }) {
  const [isWhole, setWhole] = useState(false);
  const isCut = !isWhole && text.length > MAX_SHOWN;
  return (
    <>
      <pre class="text" dir="auto">
        {isCut ? text.slice(0, MAX_SHOWN) : text}
      </pre>
      {isCut && (
        <button type="button" class="small" onClick={() => setWhole(true)}>
          Show all {bytes(text.length)}
        </button>
      )}
    </>
  );
}

/** Null for what is too long, or nested too deep. */
function markdownNodes(text: string): ComponentChild[] | null {
  if (text.length > MAX_MARKDOWN) return null;
  try {
    return blocks(new Lexer({ gfm: true, breaks: true }).lex(text), 0);
  } catch {
    return null;
  }
}

/** A token of another kind comes from an extension, and there is none. */
function isStandard(token: Token): token is MarkedToken {
  return STANDARD.has(token.type);
}

const STANDARD: ReadonlySet<string> = new Set<MarkedToken["type"]>([
  "blockquote",
  "br",
  "code",
  "codespan",
  "def",
  "del",
  "em",
  "escape",
  "heading",
  "hr",
  "html",
  "image",
  "link",
  "list",
  "paragraph",
  "space",
  "strong",
  "table",
  "text",
]);

function blocks(tokens: readonly Token[] | undefined, depth: number): ComponentChild[] {
  if (depth > MAX_DEPTH) throw new RangeError("nested too deep");
  return (tokens ?? []).map((token) => (isStandard(token) ? block(token, depth + 1) : token.raw));
}

function block(token: MarkedToken, depth: number): ComponentChild {
  switch (token.type) {
    case "space":
    case "def":
      return null;
    case "heading":
      return <p class="heading">{inline(token.tokens, depth)}</p>;
    case "code":
      return (
        <pre>
          <code>{token.text}</code>
        </pre>
      );
    case "blockquote":
      return <blockquote>{blocks(token.tokens, depth)}</blockquote>;
    case "hr":
      return <hr />;
    case "list":
      return list(token, depth);
    case "table":
      return table(token, depth);
    case "paragraph":
      return <p>{inline(token.tokens, depth)}</p>;
    case "text":
      return token.tokens ? inline(token.tokens, depth) : token.text;
    default:
      return <p>{token.raw}</p>;
  }
}

function list({ ordered, start, items }: Tokens.List, depth: number): ComponentChild {
  const content = items.map((item, at) => (
    <li key={at}>
      {item.task && (item.checked ? "☑ " : "☐ ")}
      {blocks(item.tokens, depth)}
    </li>
  ));
  return ordered ? <ol start={Number(start) || 1}>{content}</ol> : <ul>{content}</ul>;
}

function table({ header, rows }: Tokens.Table, depth: number): ComponentChild {
  return (
    <div class="scroll" role="region" aria-label="Table" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {header.map(({ tokens }, at) => (
              <th key={at}>{inline(tokens, depth)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, line) => (
            <tr key={line}>
              {row.map(({ tokens }, at) => (
                <td key={at}>{inline(tokens, depth)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function inline(tokens: readonly Token[] | undefined, depth: number): ComponentChild[] {
  if (depth > MAX_DEPTH) throw new RangeError("nested too deep");
  return (tokens ?? []).map((token) => (isStandard(token) ? piece(token, depth + 1) : token.raw));
}

function piece(token: MarkedToken, depth: number): ComponentChild {
  switch (token.type) {
    case "strong":
      return <strong>{inline(token.tokens, depth)}</strong>;
    case "em":
      return <em>{inline(token.tokens, depth)}</em>;
    case "del":
      return <del>{inline(token.tokens, depth)}</del>;
    case "codespan":
      return <code>{token.text}</code>;
    case "br":
      return <br />;
    case "link":
      return <WebLink href={token.href}>{inline(token.tokens, depth)}</WebLink>;
    case "image":
      return <WebLink href={token.href}>{`image: ${token.text || token.href}`}</WebLink>;
    case "text":
      return token.tokens ? inline(token.tokens, depth) : token.text;
    case "escape":
      return token.text;
    default:
      return token.raw;
  }
}

/** A link to the web, which learns nothing of this page; any other address is text. */
export function WebLink({
  href,
  children,
}: {
  readonly href: string;
  readonly children: ComponentChild;
}) {
  if (!/^https?:\/\//i.test(href)) return <>{children}</>;
  return (
    <a href={href} target="_blank" rel="noreferrer noopener nofollow">
      {children}
    </a>
  );
}
