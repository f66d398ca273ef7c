import { expect, it } from "vitest";
import { groupOperations, rowsOf, typeName, type Document } from "./openapi";

const document: Document = {
  info: { title: "t", version: "1" },
  tags: [{ name: "videos", description: "about videos" }, { name: "unused" }],
  paths: { "/videos/{id}": { get: { tags: ["videos"] }, delete: {} } },
  components: {
    schemas: {
      Base: { type: "object", properties: { id: { type: "string" } }, required: ["id"] },
      Video: { allOf: [{ $ref: "#/components/schemas/Base" }, { properties: { title: { type: "string" } } }] },
    },
  },
};

it("groups operations by tag and leaves empty groups out", () => {
  const groups = groupOperations(document);
  expect(groups.map(({ name, operations }) => [name, operations.map(({ anchor }) => anchor)])).toEqual([
    ["videos", ["get-videos-id"]],
    ["other", ["delete-videos-id"]],
  ]);
});

it("follows references and puts parts together", () => {
  const rows = rowsOf(document, { $ref: "#/components/schemas/Video" });
  expect(rows.map(({ name, required }) => [name, required])).toEqual([["id", true], ["title", false]]);
});

it.each([
  [{ type: "array", items: { $ref: "#/components/schemas/Video" } }, "Video[]"],
  [{ type: ["string", "null"], format: "date-time" }, "string (date-time) | null"],
  [{ enum: ["like", "none"] }, '"like" | "none"'],
  [{ oneOf: [{ type: "null" }, { $ref: "#/x/Playback" }] }, "null | Playback"],
])("names a type", (schema, name) => expect(typeName(schema)).toBe(name));
