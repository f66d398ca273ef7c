import { expect, it } from "vitest";
import { react } from "./reactions";

const none = { likes: 5, dislikes: 2, reaction: "none" } as const;

it("adds a like, moves it to a dislike, and takes it back", () => {
  const liked = react(none, "like");
  expect(liked).toEqual({ likes: 6, dislikes: 2, reaction: "like" });
  const disliked = react(liked, "dislike");
  expect(disliked).toEqual({ likes: 5, dislikes: 3, reaction: "dislike" });
  expect(react(disliked, "none")).toEqual(none);
});

it("changes nothing when repeated, and never goes below zero", () => {
  const liked = react(none, "like");
  expect(react(liked, "like")).toEqual(liked);
  expect(react({ likes: 0, dislikes: 0, reaction: "like" }, "none").likes).toBe(0);
});
