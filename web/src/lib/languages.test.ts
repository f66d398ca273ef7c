import { expect, it } from "vitest";
import { languages, ownName } from "./languages";

it("calls a language as its speakers do, and nothing else", () => {
  expect(["de", "fr", "en"].map(ownName)).toEqual(["Deutsch", "Français", "English"]);
  expect(ownName("no tag at all")).toBeNull();
});

it("offers languages with a name", () => {
  for (const { tag, name } of languages()) expect(name).not.toBe(tag);
});
