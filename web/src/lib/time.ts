/** Clock positions and ages as people read them. Pure: the present is an argument. */

/** `83_000` → `1:23`, `3_723_000` → `1:02:03`. */
export function formatClock(positionMs: number): string {
  const total = Math.max(0, Math.floor(positionMs / 1000));
  const seconds = String(total % 60).padStart(2, "0");
  const minutes = Math.floor(total / 60) % 60;
  const hours = Math.floor(total / 3600);
  if (hours === 0) return `${minutes}:${seconds}`;
  return `${hours}:${String(minutes).padStart(2, "0")}:${seconds}`;
}

/** For screen readers: `83_000` → `1 minute 23 seconds`. */
export function speakClock(positionMs: number): string {
  const total = Math.max(0, Math.floor(positionMs / 1000));
  const parts: [number, string][] = [
    [Math.floor(total / 3600), "hour"],
    [Math.floor(total / 60) % 60, "minute"],
    [total % 60, "second"],
  ];
  const spoken = parts.filter(([value]) => value > 0).map(([value, unit]) => `${value} ${unit}${value === 1 ? "" : "s"}`);
  return spoken.length > 0 ? spoken.join(" ") : "0 seconds";
}

const ageSteps: [limitS: number, sizeS: number, unit: Intl.RelativeTimeFormatUnit][] = [
  [3600, 60, "minute"],
  [86_400, 3600, "hour"],
  [7 * 86_400, 86_400, "day"],
  [30 * 86_400, 7 * 86_400, "week"],
  [365 * 86_400, 30 * 86_400, "month"],
  [Infinity, 365 * 86_400, "year"],
];

const relative = new Intl.RelativeTimeFormat("en", { numeric: "always" });

/** `2 hours ago`, or `just now` for the first minute. */
export function formatAge(isoTime: string, nowMs: number): string {
  const ageS = Math.max(0, (nowMs - Date.parse(isoTime)) / 1000);
  if (!Number.isFinite(ageS) || ageS < 60) return "just now";
  const step = ageSteps.find(([limitS]) => ageS < limitS);
  if (!step) return "long ago";
  return relative.format(-Math.floor(ageS / step[1]), step[2]);
}

/** A rest of time in coarse words: `12 s left`, `3 min left`. */
export function formatTimeLeft(leftS: number): string {
  if (!Number.isFinite(leftS)) return "";
  if (leftS < 60) return `${Math.max(1, Math.round(leftS))} s left`;
  if (leftS < 3600) return `${Math.round(leftS / 60)} min left`;
  return `${(leftS / 3600).toFixed(1)} h left`;
}
