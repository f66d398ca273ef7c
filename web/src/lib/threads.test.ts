import { expect, it } from "vitest";
import type { Comment } from "../api/types";
import { buildThreads } from "./threads";

const comment = (id: string, at: number, parent: string | null = null): Comment => ({
  id,
  video_id: "v",
  user: { id: "u", username: "u", display_name: "U", avatar_url: null },
  text: id,
  at_ms: null,
  parent_id: parent,
  created_at: new Date(at).toISOString(),
  edited_at: null,
  likes: 0,
  replies: 0,
});

it("puts the newest thread first and replies in the order they were written", () => {
  const threads = buildThreads([comment("a", 1), comment("b", 2), comment("a1", 3, "a"), comment("a2", 4, "a")]);
  expect(threads.map(({ head }) => head.id)).toEqual(["b", "a"]);
  expect(threads[1]?.replies.map(({ id }) => id)).toEqual(["a1", "a2"]);
});

it("shows a reply by itself while its parent is not loaded", () => {
  expect(buildThreads([comment("x1", 1, "x")]).map(({ head }) => head.id)).toEqual(["x1"]);
});
