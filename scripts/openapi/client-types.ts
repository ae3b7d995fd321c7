import { COMPONENTS } from "../../src/http/openapi/components.ts";
import type { Schema } from "../../src/http/openapi/schema.ts";

/** The schemas that clients meet; what they send has types of its own. */
const TYPES = [
  "AgUiEvent",
  "SessionMessage",
  "RunIds",
  "TokenUsage",
  "EventPage",
  "RunFacts",
  "RunPage",
  "SessionNow",
  "SessionDocument",
  "SessionPage",
  "SessionThen",
  "CreatedSession",
  "ForkedSession",
  "StreamTicket",
] as const;

/** The text of `src/client/api-types.ts`. */
export function clientTypes(): string {
  const interfaces = TYPES.map((name) => {
    const schema = COMPONENTS[name] ?? {};
    return `${comment(schema, "")}export interface ${name} ${objectType(schema, "")}\n`;
  });
  return `// Made of the schemas of the OpenAPI document by \`npm run docs:client-types\`. There may be further members.

${interfaces.join("\n")}`;
}

function typeOf(schema: Schema, indent: string): string {
  const { $ref, anyOf, const: only, enum: values, items, type } = schema;
  if ($ref !== undefined) return $ref.split("/").at(-1) ?? "";
  if (anyOf) return anyOf.map((each) => typeOf(each, indent)).join(" | ");
  if (only !== undefined) return JSON.stringify(only);
  if (values) return values.map((value) => JSON.stringify(value)).join(" | ");
  if (type === undefined) return "unknown";
  const names = [type].flat().map((name) => {
    if (name === "integer") return "number";
    if (name === "array") {
      const item = typeOf(items ?? {}, indent);
      return `readonly ${items?.properties || !item.includes(" | ") ? item : `(${item})`}[]`;
    }
    return name === "object" ? objectType(schema, indent) : name;
  });
  return names.join(" | ");
}

function objectType(schema: Schema, indent: string): string {
  const { additionalProperties: more, properties = {}, required = [] } = schema;
  const members = Object.entries(properties);
  if (members.length === 0 && more !== undefined)
    return `Readonly<Record<string, ${typeof more === "object" ? typeOf(more, indent) : "unknown"}>>`;
  const inner = `${indent}  `;
  const lines = members.map(([name, member]) => {
    const mark = required.includes(name) ? "" : "?";
    return `${comment(member, inner)}${inner}readonly ${name}${mark}: ${typeOf(member, inner)};`;
  });
  if (more === true) lines.push(`${inner}readonly [member: string]: unknown;`);
  return `{\n${lines.join("\n")}\n${indent}}`;
}

function comment({ description }: Schema, indent: string): string {
  return description === undefined ? "" : `${indent}/** ${description} */\n`;
}
