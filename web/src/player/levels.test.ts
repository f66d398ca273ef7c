import { expect, it } from "vitest";
import { qualitiesOf } from "./levels";

it("names qualities by their short side, highest first", () => {
  const levels = [
    { width: 640, height: 360, frameRate: 24, bitrate: 800_000 },
    { width: 1080, height: 1920, frameRate: 60, bitrate: 5_000_000 },
  ];
  expect(qualitiesOf(levels).map(({ label, index }) => [label, index])).toEqual([
    ["1080p60", 1],
    ["360p", 0],
  ]);
});

it("names what is there in two codecs once, and takes the lighter", () => {
  const level = { width: 640, height: 360, frameRate: 24 };
  const qualities = qualitiesOf([{ ...level, bitrate: 800_000 }, { ...level, bitrate: 500_000 }]);
  expect(qualities.map(({ label, index }) => [label, index])).toEqual([["360p", 1]]);
});

it("calls a level without a picture Audio", () => {
  expect(qualitiesOf([{ width: 0, height: 0, frameRate: 0, bitrate: 128_000 }])[0]?.label).toBe("Audio");
});
