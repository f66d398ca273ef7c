import { expect, it } from "vitest";
import { timeLeftMs, withSample, type Sample } from "./timeLeft";

const gather = (points: [atMs: number, percent: number][]) =>
  points.reduce<Sample[]>((samples, [atMs, percent]) => withSample(samples, { atMs, percent }), []);

it("goes on at the pace so far", () => {
  const samples = gather([
    [0, 10],
    [5_000, 20],
    [10_000, 30],
  ]);
  expect(timeLeftMs(samples, 10_000)).toBe(35_000);
  expect(timeLeftMs(samples, 12_000)).toBe(33_000);
});

it("says nothing before it has seen something move", () => {
  expect(timeLeftMs(gather([[0, 10]]), 60_000)).toBeNull();
  expect(timeLeftMs(gather([[0, 10], [1_000, 20]]), 1_000)).toBeNull();
  expect(timeLeftMs(gather([[0, 10], [9_000, 100]]), 9_000)).toBeNull();
});

it("forgets what was before a new beginning", () => {
  expect(gather([[0, 10], [5_000, 60], [6_000, 0]])).toEqual([{ atMs: 6_000, percent: 0 }]);
});
