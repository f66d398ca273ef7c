import { expect, it } from "vitest";
import { withPosition, worthResuming, type Positions } from "./positions";

it("begins anew near the end and right at the start", () => {
  expect([4, 5, 600, 3569, 3571].map((positionS) => worthResuming(positionS, 3600))).toEqual([false, true, true, true, false]);
  expect([5, 49, 51].map((positionS) => worthResuming(positionS, 55))).toEqual([true, true, false]);
});

it("keeps one position a video and forgets it at its end", () => {
  const once = withPosition({}, "a", { positionS: 60, atMs: 1 }, 600);
  const twice = withPosition(once, "a", { positionS: 90, atMs: 2 }, 600);
  expect(twice).toEqual({ a: { positionS: 90, atMs: 2 } });
  expect(withPosition(twice, "a", { positionS: 599, atMs: 3 }, 600)).toEqual({});
});

it("keeps the two hundred newest", () => {
  let positions: Positions = {};
  for (let index = 0; index < 250; index += 1) {
    positions = withPosition(positions, `v${index}`, { positionS: 60, atMs: index }, 600);
  }
  expect(Object.keys(positions)).toHaveLength(200);
  expect(positions.v49).toBeUndefined();
  expect(positions.v249).toBeDefined();
});
