/** Bytes per second over the last few seconds, so that the figure is steady and yet follows the line. */
export class SpeedMeter {
  private readonly samples: { atMs: number; bytes: number }[] = [];

  constructor(private readonly windowMs = 5_000) {}

  add(atMs: number, bytes: number): number {
    this.samples.push({ atMs, bytes });
    while (this.samples.length > 2 && atMs - (this.samples[0]?.atMs ?? atMs) > this.windowMs) this.samples.shift();
    const first = this.samples[0];
    if (!first || atMs - first.atMs < 200) return 0;
    return Math.max(0, ((bytes - first.bytes) / (atMs - first.atMs)) * 1000);
  }
}
