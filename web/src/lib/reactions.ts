/** What the counts look like after a reaction changes, shown before the server has confirmed it. */
import type { Reaction } from "../api/types";

export interface ReactionView {
  likes: number;
  dislikes: number;
  reaction: Reaction;
}

export function react(view: ReactionView, next: Reaction): ReactionView {
  const change = (kind: Reaction) => Number(next === kind) - Number(view.reaction === kind);
  return {
    likes: Math.max(0, view.likes + change("like")),
    dislikes: Math.max(0, view.dislikes + change("dislike")),
    reaction: next,
  };
}
