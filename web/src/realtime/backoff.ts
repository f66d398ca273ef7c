/** How long to wait before the next attempt to connect. Full jitter, so that a crowd does not return as one. */
export function backoffMs(attempt: number, random: () => number, baseMs = 500, mostMs = 15_000): number {
  const ceiling = Math.min(mostMs, baseMs * 2 ** Math.min(attempt, 10));
  return Math.round(baseMs / 4 + random() * ceiling);
}
