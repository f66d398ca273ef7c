/** Counts and sizes as people read them. */

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const exact = new Intl.NumberFormat("en");

export function formatCount(count: number): string {
  return count < 1000 ? String(count) : compact.format(count);
}

export function formatExact(count: number): string {
  return exact.format(count);
}

export function countOf(count: number, singular: string, plural = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : plural}`;
}

/** `1_411_518` → `1.4 Mbit/s`. */
export function formatBitrate(bitsPerS: number): string {
  return bitsPerS < 1_000_000 ? `${Math.round(bitsPerS / 1000)} kbit/s` : `${(bitsPerS / 1_000_000).toFixed(1)} Mbit/s`;
}

export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
