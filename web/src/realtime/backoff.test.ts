import { expect, it } from "vitest";
import { backoffMs } from "./backoff";

it("doubles up to a ceiling", () => {
  const most = [0, 1, 2, 3, 20].map((attempt) => backoffMs(attempt, () => 1));
  expect(most).toEqual([625, 1125, 2125, 4125, 15_125]);
});

it("spreads a crowd, but never hammers", () => {
  expect(backoffMs(3, () => 0)).toBe(125);
  expect(backoffMs(3, () => 0.5)).toBe(2125);
});
