import { describe, expect, it } from "vitest";
import { formatAge, formatClock, formatTimeLeft, speakClock } from "./time";

describe("a clock position", () => {
  it.each([
    [0, "0:00"],
    [999, "0:00"],
    [59_999, "0:59"],
    [83_000, "1:23"],
    [3_723_000, "1:02:03"],
    [-5, "0:00"],
  ])("of %d ms reads %s", (positionMs, shown) => expect(formatClock(positionMs)).toBe(shown));

  it("is spoken without its empty parts", () => {
    expect(speakClock(3_661_000)).toBe("1 hour 1 minute 1 second");
    expect(speakClock(120_000)).toBe("2 minutes");
    expect(speakClock(0)).toBe("0 seconds");
  });
});

describe("an age", () => {
  const now = Date.parse("2026-11-22T12:00:00.000Z");
  it.each([
    ["2026-11-22T11:59:30.000Z", "just now"],
    ["2026-11-22T12:00:30.000Z", "just now"],
    ["2026-11-22T11:58:30.000Z", "1 minute ago"],
    ["2026-11-22T09:00:00.000Z", "3 hours ago"],
    ["2026-11-20T11:00:00.000Z", "2 days ago"],
    ["2026-11-08T11:00:00.000Z", "2 weeks ago"],
    ["2026-08-01T11:00:00.000Z", "3 months ago"],
    ["2024-08-01T11:00:00.000Z", "2 years ago"],
    ["nonsense", "just now"],
  ])("of %s reads %s", (time, shown) => expect(formatAge(time, now)).toBe(shown));
});

it("says the time left coarsely", () => {
  expect(formatTimeLeft(0.2)).toBe("1 s left");
  expect(formatTimeLeft(45)).toBe("45 s left");
  expect(formatTimeLeft(200)).toBe("3 min left");
  expect(formatTimeLeft(5400)).toBe("1.5 h left");
  expect(formatTimeLeft(Infinity)).toBe("");
});
