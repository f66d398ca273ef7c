/** Where somebody left which video. Pure: what is stored is an argument, and so is the present. */

export interface Left {
  positionS: number;
  atMs: number;
}

export type Positions = Record<string, Left>;

const keptMax = 200;
const beginningS = 5;

/** Near the end nothing is left to see, and right at the start nothing is lost: there one begins anew. */
export function worthResuming(positionS: number, durationS: number): boolean {
  const endS = Math.min(30, Math.max(5, durationS * 0.05));
  return positionS >= beginningS && positionS < durationS - endS;
}

export function withPosition(before: Positions, videoId: string, left: Left, durationS: number): Positions {
  const rest = Object.entries(before).filter(([id]) => id !== videoId);
  if (!worthResuming(left.positionS, durationS)) return Object.fromEntries(rest);
  const newest = rest.toSorted(([, a], [, b]) => b.atMs - a.atMs).slice(0, keptMax - 1);
  return Object.fromEntries([...newest, [videoId, left]]);
}
