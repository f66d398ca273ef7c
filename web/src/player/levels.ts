/** hls.js' levels as the qualities a viewer chooses from. */

export interface Quality {
  index: number;
  height: number;
  label: string;
  bitrateBps: number;
}

interface Level {
  width: number;
  height: number;
  frameRate: number;
  bitrate: number;
}

/** Highest first. What is there in two codecs is there once, in the lighter one: hls.js leaves out what cannot be played. */
export function qualitiesOf(levels: readonly Level[]): Quality[] {
  return levels
    .map((level, index) => ({ index, height: rung(level), label: labelOf(level), bitrateBps: level.bitrate }))
    .toSorted((a, b) => b.height - a.height || a.bitrateBps - b.bitrateBps)
    .filter(({ height }, at, sorted) => sorted[at - 1]?.height !== height);
}

/** A rung is named by its short side, so that an upright video has its usual names too. */
export function rung({ width, height }: Pick<Level, "width" | "height">): number {
  return width > 0 ? Math.min(width, height) : height;
}

function labelOf(level: Level): string {
  const name = rung(level) > 0 ? `${rung(level)}p` : "Audio";
  return level.frameRate > 32 ? `${name}${Math.round(level.frameRate)}` : name;
}
