import { describe, expect, it } from "vitest";
import { splitTimestamps } from "./timestamps";

const times = (text: string, durationMs: number | null = null) =>
  splitTimestamps(text, durationMs).flatMap((part) => (part.kind === "timestamp" ? [part.positionMs] : []));

describe("times in a text", () => {
  it("are found among words and at the ends", () => {
    expect(splitTimestamps("0:07 then 1:23!", null)).toEqual([
      { kind: "timestamp", text: "0:07", positionMs: 7_000 },
      { kind: "text", text: " then " },
      { kind: "timestamp", text: "1:23", positionMs: 83_000 },
      { kind: "text", text: "!" },
    ]);
  });

  it("may have hours", () => expect(times("see 1:02:03")).toEqual([3_723_000]));
  it("may be in brackets", () => expect(times("(12:34)")).toEqual([754_000]));

  it.each(["12:75", "1:2", "1:02:03:04", "1:75:00", "10.1:20", "a sentence: 12", ""])("are not seen in %j", (text) =>
    expect(times(text)).toEqual([]),
  );

  it("beyond the end of the video stay plain", () => expect(times("0:10 and 5:00", 60_000)).toEqual([10_000]));

  it("give back the whole text in order", () => {
    const text = "a 1:00 b 2:00 c 99:99";
    expect(splitTimestamps(text, null).map((part) => part.text).join("")).toBe(text);
  });
});
