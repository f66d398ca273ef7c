/** How long one must still wait, in words. Pure. */

export function secondsLeft(untilMs: number | null, nowMs: number): number {
  return untilMs === null ? 0 : Math.max(0, Math.ceil((untilMs - nowMs) / 1000));
}

/** `12 s`, `3 min`, `2 h`: rounded up, so that nobody tries too early. */
export function formatWait(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} min`;
  return `${Math.ceil(seconds / 3600)} h`;
}

export function percentOf(votes: number, all: number): number {
  return all === 0 ? 0 : Math.round((votes / all) * 100);
}
