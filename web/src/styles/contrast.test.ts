import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { contrast } from "../lib/colour";

const css = readFileSync(new URL("tokens.css", import.meta.url), "utf8");
const pairs = [...css.matchAll(/--([\w-]+):\s*light-dark\((#[0-9a-f]{6}),\s*(#[0-9a-f]{6})\)/g)];
const themes = {
  light: Object.fromEntries(pairs.map(([, name, light]) => [name, light])) as Record<string, string>,
  dark: Object.fromEntries(pairs.map(([, name, , dark]) => [name, dark])) as Record<string, string>,
};

const grounds = ["ground", "surface", "raised"];
const texts = ["text", "text-soft", "link", "accent", "live", "danger"];
const readable: [text: string, ground: string][] = [
  ...texts.flatMap((text) => grounds.map((ground): [string, string] => [text, ground])),
  ["on-accent", "accent"],
  ["on-accent", "accent-hover"],
  ["text", "accent-wash"],
  ["text-soft", "accent-wash"],
  ["accent", "accent-wash"],
  ["danger", "danger-wash"],
  ["text", "danger-wash"],
];

describe.each(Object.entries(themes))("in the %s theme", (_name, tokens) => {
  it.each(readable)("%s can be read on %s (AA: 4.5)", (text, ground) => {
    expect(contrast(tokens[text] ?? "", tokens[ground] ?? "")).toBeGreaterThanOrEqual(4.5);
  });

  it.each(["line-strong", "focus"].flatMap((edge) => grounds.map((ground) => [edge, ground] as const)))(
    "%s can be seen on %s (AA for controls: 3)",
    (edge, ground) => expect(contrast(tokens[edge] ?? "", tokens[ground] ?? "")).toBeGreaterThanOrEqual(3),
  );
});

it("knows black on white", () => expect(contrast("#000000", "#ffffff")).toBeCloseTo(21));
