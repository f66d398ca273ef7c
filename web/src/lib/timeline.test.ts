import { expect, it } from "vitest";
import type { Comment } from "../api/types";
import { commentsAt, windowsAround } from "./timeline";

const at = (atMs: number | null, id = `c${atMs}`): Comment => ({
  id,
  video_id: "v",
  user: { id: "u", username: "u", display_name: "U", avatar_url: null },
  text: "x",
  at_ms: atMs,
  parent_id: null,
  created_at: new Date(0).toISOString(),
  edited_at: null,
  likes: 0,
  replies: 0,
});

it("fetches the minute one is in, and the next one in time", () => {
  expect(windowsAround(0, 200_000)).toEqual([0]);
  expect(windowsAround(49_000, 200_000)).toEqual([0]);
  expect(windowsAround(51_000, 200_000)).toEqual([0, 1]);
  expect(windowsAround(55_000, 58_000)).toEqual([0]);
  expect(windowsAround(61_000, null)).toEqual([1]);
});

it("shows what was said at the moment, the latest last, and no crowd", () => {
  const comments = [at(9_000), at(1_000), at(8_500), at(7_000), at(10_001), at(null)];
  expect(commentsAt(comments, 10_000).map(({ at_ms: atMs }) => atMs)).toEqual([7_000, 8_500, 9_000]);
  expect(commentsAt([...comments, at(9_500)], 10_000)).toHaveLength(3);
  expect(commentsAt(comments, 0)).toEqual([]);
  expect(commentsAt([at(0)], 0)).toHaveLength(1);
});
