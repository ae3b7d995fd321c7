type TypeName = "string" | "integer" | "number" | "boolean" | "object" | "array" | "null";

/** A JSON Schema (2020-12, as OpenAPI 3.1 has it): the part of it that this API needs. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: TypeName | readonly TypeName[];
  readonly description?: string;
  readonly const?: string | boolean;
  readonly enum?: readonly string[];
  readonly default?: string | number;
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly anyOf?: readonly Schema[];
}

type Members = Readonly<Record<string, Schema>>;

/** Whatever JSON there is. */
export const anything = (description?: string): Schema => described({}, description);

export const text = (description?: string, more: Schema = {}): Schema =>
  described({ type: "string", ...more }, description);

export const flag = (description?: string): Schema => described({ type: "boolean" }, description);

export const integer = (description?: string, more: Schema = {}): Schema =>
  described({ type: "integer", ...more }, description);

export const list = (items: Schema, description?: string): Schema =>
  described({ type: "array", items }, description);

/** An object with these members, and those of `optional` if they are there. */
export const record = (members: Members, optional: Members = {}, description?: string): Schema =>
  described(
    {
      type: "object",
      properties: { ...members, ...optional },
      ...(Object.keys(members).length > 0 && { required: Object.keys(members) }),
    },
    description,
  );

/** The same, which may have any further members. */
export const open = (members: Members, optional: Members = {}, description?: string): Schema => ({
  ...record(members, optional, description),
  additionalProperties: true,
});

/** An object whose members all have this form. */
export const mapOf = (values: Schema, description?: string): Schema =>
  described({ type: "object", additionalProperties: values }, description);

export function nullable({ description, ...schema }: Schema): Schema {
  const { type } = schema;
  return typeof type === "string" && !schema.enum
    ? described({ ...schema, type: [type, "null"] }, description)
    : described({ anyOf: [schema, { type: "null" }] }, description);
}

/** One of the schemas that have a name. */
export const ref = (name: string, description?: string): Schema =>
  described({ $ref: `#/components/schemas/${name}` }, description);

function described(schema: Schema, description: string | undefined): Schema {
  return description === undefined ? schema : { description, ...schema };
}
