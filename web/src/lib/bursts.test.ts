import { expect, it } from "vitest";
import { floatMs, floatsMost, risen, thrown } from "./bursts";

it("lets a few of each emoji rise, however many were thrown", () => {
  const floats = thrown([], { "🎉": 500, "🔥": 2 }, 0, () => 0.5, 1);
  expect(floats.filter(({ emoji }) => emoji === "🎉")).toHaveLength(6);
  expect(floats.filter(({ emoji }) => emoji === "🔥")).toHaveLength(2);
  expect(new Set(floats.map(({ id }) => id)).size).toBe(8);
});

it("never fills the picture, and forgets what has risen", () => {
  let floats = thrown([], {}, 0, () => 0, 1);
  for (let tick = 0; tick < 20; tick++) floats = thrown(floats, { "🎉": 5 }, tick * 50, () => 0, tick * 10);
  expect(floats).toHaveLength(floatsMost);
  expect(risen(floats, 950 + floatMs)).toEqual([]);
});
