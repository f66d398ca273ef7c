import { expect, it } from "vitest";
import { ApiError } from "../../api/problem";
import { stageWords } from "./stageWords";

it("has a title and a reason for every answer", () => {
  const titles = [0, 401, 403, 404, 410, 429, 500, 418].map((status) => stageWords(new ApiError(status, {})).title);
  expect(titles[3]).toBe(titles[4]);
  expect(new Set(titles).size).toBe(7);
  expect(stageWords(new TypeError("no idea")).detail).toBe("no idea");
});
