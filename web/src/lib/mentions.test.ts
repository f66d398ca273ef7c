import { expect, it } from "vitest";
import { calls, splitMentions } from "./mentions";

const names = (text: string) => splitMentions(text).flatMap((part) => (part.kind === "mention" ? [part.username] : []));

it("finds names where people write them", () => {
  expect(names("@ada look")).toEqual(["ada"]);
  expect(names("look, @Ada!")).toEqual(["ada"]);
  expect(names("(@ada_b) and @c-3po.")).toEqual(["ada_b", "c-3po"]);
  expect(names("größe @ada\n@bob")).toEqual(["ada", "bob"]);
});

it("leaves addresses and scraps alone", () => {
  for (const text of ["mail ada@example.org", "@@ada /@ada", "@ab and @", `@${"x".repeat(33)}`]) expect(names(text)).toEqual([]);
});

it("loses no character", () => {
  const text = "a @ada b @bob";
  expect(splitMentions(text).map((part) => part.text).join("")).toBe(text);
});

it("knows who is called", () => {
  expect(calls("@Ada look", "ada")).toBe(true);
  expect(calls("@ada-b look", "ada")).toBe(false);
  expect(calls("@ada", null)).toBe(false);
});
