/** Which comments belong to the moment a recording is at. Pure: positions are arguments. */
import type { Comment } from "../api/types";

export const windowMs = 60_000;

export function windowOf(positionMs: number): number {
  return Math.max(0, Math.floor(positionMs / windowMs));
}

/** The minute one is in, and the next one shortly before it begins. */
export function windowsAround(positionMs: number, durationMs: number | null, aheadMs = 10_000): number[] {
  const here = windowOf(positionMs);
  const next = windowOf(positionMs + aheadMs);
  const beyond = durationMs !== null && next * windowMs > durationMs;
  return next === here || beyond ? [here] : [here, next];
}

/** Those pinned to the last `spanMs` before the moment, oldest first, the latest `most` of them. */
export function commentsAt(comments: Comment[], positionMs: number, spanMs = 8_000, most = 3): Comment[] {
  const here = comments.filter(({ at_ms: atMs }) => {
    return typeof atMs === "number" && atMs <= positionMs && atMs > positionMs - spanMs;
  });
  return here.toSorted((a, b) => (a.at_ms ?? 0) - (b.at_ms ?? 0)).slice(-most);
}
