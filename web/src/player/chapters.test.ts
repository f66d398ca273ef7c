import { expect, it } from "vitest";
import { spanAt, spansOf } from "./chapters";

const chapters = [
  { start_ms: 30_000, title: "The pests" },
  { start_ms: 0, title: "Morning" },
  { start_ms: 90_000, title: "Beyond the end" },
];

it("orders chapters, ends each at the next and the last at the end", () => {
  expect(spansOf(chapters, 60)).toEqual([
    { title: "Morning", startS: 0, endS: 30 },
    { title: "The pests", startS: 30, endS: 60 },
  ]);
});

it("finds the chapter of a moment, and none before the first", () => {
  const spans = spansOf(chapters, 60);
  expect([0, 29.9, 30, 99].map((positionS) => spanAt(spans, positionS)?.title)).toEqual([
    "Morning",
    "Morning",
    "The pests",
    "The pests",
  ]);
  expect(spanAt(spansOf([{ start_ms: 5000, title: "Late" }], 60), 2)).toBeNull();
  expect(spanAt([], 1)).toBeNull();
});
