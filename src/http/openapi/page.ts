import type { OpenApiDocument, Operation } from "./document.ts";
import type { Schema } from "./schema.ts";

/** A page for people: HTML with its style within, and no script. */
export function openApiPage(document: OpenApiDocument): string {
  const { components, paths, tags } = document;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
  const sections = tags.map(({ name, description }) => {
    const rows = operations.filter(({ operation }) => operation.tags.includes(name));
    return `<h2 id="${attribute(name)}">${escaped(description)}</h2>
${rows.map(operationHtml).join("\n")}`;
  });
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) => `<section id="schema-${attribute(name)}">
<h3>${escaped(name)}</h3>
<p>${escaped(schema.description ?? "")}</p>
${schemaHtml(schema)}
</section>`,
  );
  const links = [...tags.map(({ name }) => name), "schemas"].map(
    (name) => `<a href="#${attribute(name)}">${escaped(name)}</a>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>runlog API</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>runlog API</h1>
<p>The same for programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1). PROTOCOL.md is normative; each operation names its section there.</p>
<nav>${links.join(" · ")}</nav></header>
<main>
${sections.join("\n")}
<h2 id="schemas">Schemas</h2>
${schemas.join("\n")}
</main>
</body>
</html>
`;
}

function operationHtml({
  method,
  path,
  operation,
}: {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}): string {
  const { description, operationId, parameters, requestBody, responses, summary } = operation;
  const rows = parameters.map(({ description: meaning = "", in: place, name, schema }) => [
    `<code>${escaped(name)}</code>`,
    escaped(place),
    typeHtml(schema),
    escaped(meaning),
  ]);
  const body = requestBody
    ? `<h4>Body${requestBody.required ? "" : ", which may be missing"}</h4>${contentHtml(requestBody.content)}`
    : "";
  const answers = Object.entries(responses).map(
    ([status, { content, description: meaning }]) =>
      `<h4>${escaped(status)} <small>${escaped(meaning)}</small></h4>${content ? contentHtml(content) : ""}`,
  );
  return `<details id="${attribute(operationId)}">
<summary><b class="${attribute(method)}">${escaped(method.toUpperCase())}</b> <code>${escaped(path)}</code> <span>${escaped(summary)}</span></summary>
<p>${escaped(description)}</p>
${rows.length > 0 ? tableHtml(rows) : ""}
${body}
${answers.join("\n")}
</details>`;
}

function contentHtml(content: Readonly<Record<string, { readonly schema: Schema }>>): string {
  return Object.entries(content)
    .map(([type, { schema }]) => `<p><code>${escaped(type)}</code></p>${schemaHtml(schema)}`)
    .join("");
}

/** A table of an object's members, or the schema's type. */
function schemaHtml(schema: Schema): string {
  const { properties, required = [] } = schema;
  if (!properties) return `<p>${typeHtml(schema)}</p>`;
  const rows = Object.entries(properties).map(([name, member]) => [
    `<code>${escaped(name)}${required.includes(name) ? "" : "?"}</code>`,
    typeHtml(member),
    escaped(member.description ?? ""),
  ]);
  const more = schema.additionalProperties === true ? "<p>and further members</p>" : "";
  return tableHtml(rows) + more;
}

function typeHtml(schema: Schema): string {
  const { $ref, anyOf, const: only, enum: values, items, properties, type } = schema;
  if ($ref !== undefined) {
    const name = $ref.split("/").at(-1) ?? "";
    return `<a href="#schema-${attribute(name)}">${escaped(name)}</a>`;
  }
  if (anyOf) return anyOf.map(typeHtml).join(" or ");
  if (only !== undefined) return `<code>${escaped(JSON.stringify(only))}</code>`;
  if (values) return values.map((value) => `<code>${escaped(value)}</code>`).join(" or ");
  const names = [type ?? "anything"].flat().join(" or ");
  if (items) return `${escaped(names)} of ${typeHtml(items)}`;
  if (!properties) return escaped(names);
  const members = Object.entries(properties).map(
    ([name, member]) => `<code>${escaped(name)}</code>: ${typeHtml(member)}`,
  );
  return `${escaped(names)} { ${members.join(", ")} }`;
}

function tableHtml(rows: readonly (readonly string[])[]): string {
  const lines = rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`);
  return `<table>${lines.join("")}</table>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

const attribute = (text: string): string => escaped(text).replaceAll('"', "&quot;");

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 62rem; margin: 0 auto; padding: 1rem; }
code { font: 0.9em ui-monospace, monospace; overflow-wrap: anywhere; }
details { border-top: 1px solid color-mix(in srgb, currentColor 25%, transparent); padding: 0.4rem 0; }
summary { cursor: pointer; }
summary span { color: color-mix(in srgb, currentColor 75%, transparent); }
b { display: inline-block; min-width: 4.5em; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
td { padding: 0.2rem 0.8rem 0.2rem 0; vertical-align: top; }
h4 { margin: 0.8rem 0 0; }
`;
