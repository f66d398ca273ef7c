import { expect, it } from "vitest";
import { formatWait, percentOf, secondsLeft } from "./hold";

it("counts down to zero and rounds up", () => {
  expect([10_000, 9_001, 9_000, 1, 0, -5].map((left) => secondsLeft(100_000 + left, 100_000))).toEqual([10, 10, 9, 1, 0, 0]);
  expect(secondsLeft(null, 5)).toBe(0);
});

it("speaks of waits coarsely", () => {
  expect([5, 59, 60, 61, 3600, 7201].map(formatWait)).toEqual(["5 s", "59 s", "1 min", "2 min", "1 h", "3 h"]);
});

it("shares a poll in whole percents", () => {
  expect([percentOf(0, 0), percentOf(1, 3), percentOf(3, 3)]).toEqual([0, 33, 100]);
});
