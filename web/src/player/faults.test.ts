import { expect, it } from "vitest";
import { faultOfMediaError, faultWords, refusalOf } from "./faults";

it("tells a refusal from what may pass", () => {
  expect([401, 403, 404, 410, 429, 500, 0].map(refusalOf)).toEqual(["refused", "refused", "gone", "gone", null, null, null]);
});

it("has words for what a <video> says by itself", () => {
  for (const code of [1, 2, 3, 4, undefined]) expect(faultWords[faultOfMediaError(code)].title).not.toBe("");
  expect(faultOfMediaError(2)).toBe("network");
});
