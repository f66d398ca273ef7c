/** How long something will still take, from how it has moved so far. Pure. */

export interface Sample {
  atMs: number;
  percent: number;
}

const windowMs = 90_000;
const neededMs = 4_000;

/** Adds what is known now. A step back means that it began anew, and what was before says nothing any more. */
export function withSample(samples: Sample[], now: Sample): Sample[] {
  const last = samples.at(-1);
  if (last && now.percent < last.percent) return [now];
  const recent = samples.filter(({ atMs }) => now.atMs - atMs <= windowMs);
  return last && last.percent === now.percent ? recent : [...recent, now];
}

/** Null while too little is known. */
export function timeLeftMs(samples: Sample[], nowMs: number): number | null {
  const first = samples[0];
  const last = samples.at(-1);
  if (!first || !last || last.percent >= 100) return null;
  const moved = last.percent - first.percent;
  if (moved <= 0 || last.atMs - first.atMs < neededMs) return null;
  const perPercentMs = (last.atMs - first.atMs) / moved;
  return Math.max(0, (100 - last.percent) * perPercentMs - (nowMs - last.atMs));
}
