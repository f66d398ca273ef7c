/** Reads an OpenAPI 3.1 document into what the reference page shows. Knows no address: the document is an argument. */

export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: unknown[];
  const?: unknown;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
  additionalProperties?: Schema | boolean;
}

export interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}

interface Body {
  description?: string;
  required?: boolean;
  content?: Record<string, { schema?: Schema }>;
}

interface RawOperation {
  tags?: string[];
  summary?: string;
  description?: string;
  operationId?: string;
  parameters?: Parameter[];
  requestBody?: Body;
  responses?: Record<string, Body>;
  security?: Record<string, string[]>[];
}

export interface Document {
  info: { title: string; version: string; description?: string };
  tags?: { name: string; description?: string }[];
  paths: Record<string, Record<string, RawOperation>>;
  components?: { schemas?: Record<string, Schema> };
  security?: Record<string, string[]>[];
}

export interface Operation extends RawOperation {
  method: string;
  path: string;
  anchor: string;
}

export interface Group {
  name: string;
  description: string | null;
  operations: Operation[];
}

export interface Row {
  name: string;
  type: string;
  required: boolean;
  description: string;
}

const methods = ["get", "post", "put", "patch", "delete", "head", "options"];

export function groupOperations(document: Document): Group[] {
  const groups = new Map<string, Group>();
  for (const { name, description } of document.tags ?? []) {
    groups.set(name, { name, description: description ?? null, operations: [] });
  }
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of methods) {
      const raw = item[method];
      if (!raw) continue;
      const tag = raw.tags?.[0] ?? "other";
      const group = groups.get(tag) ?? { name: tag, description: null, operations: [] };
      groups.set(tag, group);
      group.operations.push({ ...raw, method: method.toUpperCase(), path, anchor: anchorOf(method, path) });
    }
  }
  return [...groups.values()].filter(({ operations }) => operations.length > 0);
}

function anchorOf(method: string, path: string): string {
  return `${method}${path.replace(/[^a-z0-9]+/gi, "-")}`.replace(/-$/, "");
}

/** The fields of an object as rows of a table; none for what is not an object. */
export function rowsOf(document: Document, schema: Schema | undefined): Row[] {
  const { properties, required } = flatten(document, schema);
  return Object.entries(properties).map(([name, property]) => ({
    name,
    type: typeName(property),
    required: required.has(name),
    description: property.description ?? resolve(document, property).description ?? "",
  }));
}

/** A type in a few words: `string (date-time)`, `Comment[]`, `"like" | "dislike"`. */
export function typeName(schema: Schema | undefined): string {
  if (!schema) return "any";
  if (schema.$ref) return schema.$ref.split("/").at(-1) ?? "object";
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices) return [...new Set(choices.map(typeName))].join(" | ");
  if (schema.allOf) return schema.allOf.map(typeName).join(" & ");
  if (Array.isArray(schema.type)) return schema.type.map((type) => (type === "null" ? type : typeName({ ...schema, type }))).join(" | ");
  if (schema.type === "array") return `${typeName(schema.items)}[]`;
  return schema.format ? `${schema.type} (${schema.format})` : (schema.type ?? "object");
}

export function resolve(document: Document, schema: Schema): Schema {
  const name = schema.$ref?.split("/").at(-1);
  return name ? (document.components?.schemas?.[name] ?? {}) : schema;
}

function flatten(document: Document, schema: Schema | undefined, depth = 0) {
  const found = { properties: {} as Record<string, Schema>, required: new Set<string>() };
  if (!schema || depth > 8) return found;
  const whole = resolve(document, schema);
  for (const part of whole.allOf ?? []) {
    const { properties, required } = flatten(document, part, depth + 1);
    Object.assign(found.properties, properties);
    for (const name of required) found.required.add(name);
  }
  Object.assign(found.properties, whole.properties);
  for (const name of whole.required ?? []) found.required.add(name);
  return found;
}
