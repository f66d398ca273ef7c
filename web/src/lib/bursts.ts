/** Emoji that float up for a while. Pure: time and chance are arguments. */

export interface Float {
  id: number;
  emoji: string;
  /** Where along the width, 0 to 1. */
  x: number;
  untilMs: number;
}

export const floatMs = 2_400;
export const floatsMost = 24;

/** However loud a room is, a picture stays in view: of each emoji at most so many rise at once. */
const perEmojiMost = 6;

export function thrown(
  floats: Float[],
  counts: Record<string, number>,
  nowMs: number,
  random: () => number,
  nextId: number,
): Float[] {
  const alive = floats.filter(({ untilMs }) => untilMs > nowMs);
  const fresh = Object.entries(counts).flatMap(([emoji, count]) => Array<string>(Math.min(count, perEmojiMost)).fill(emoji));
  const added = fresh.map((emoji, index) => ({ id: nextId + index, emoji, x: random(), untilMs: nowMs + floatMs }));
  return [...alive, ...added].slice(-floatsMost);
}

export function risen(floats: Float[], nowMs: number): Float[] {
  return floats.filter(({ untilMs }) => untilMs > nowMs);
}
