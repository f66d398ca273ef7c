import { expect, it } from "vitest";
import { parseTiles, tileAt } from "./sprite";

const vtt = `WEBVTT

00:00:00.000 --> 00:00:05.000
sprite-0.jpg#xywh=0,0,160,90

00:05.000 --> 00:10.000
sprite-0.jpg#xywh=160,0,160,90

NOTE broken
00:00:10.000 --> 00:00:15.000
no-area.jpg
`;

it("reads tiles with addresses relative to the file", () => {
  const tiles = parseTiles(vtt, "http://host/media/v/thumbnails.vtt");
  expect(tiles).toHaveLength(2);
  expect(tiles[1]).toEqual({
    startS: 5,
    endS: 10,
    url: "http://host/media/v/sprite-0.jpg",
    x: 160,
    y: 0,
    width: 160,
    height: 90,
  });
});

it("finds the tile of a moment, and the last one beyond the end", () => {
  const tiles = parseTiles(vtt, "http://host/");
  expect(tileAt(tiles, 4.9)?.x).toBe(0);
  expect(tileAt(tiles, 5)?.x).toBe(160);
  expect(tileAt(tiles, 99)?.x).toBe(160);
  expect(tileAt([], 1)).toBeNull();
});
