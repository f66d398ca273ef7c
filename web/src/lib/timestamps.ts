/** Finds clock positions such as `1:23` in what people write, so that they can be pressed to seek. */

export type TextPart = { kind: "text"; text: string } | { kind: "timestamp"; text: string; positionMs: number };

const clock = /(?<![\d:.])(?:(\d{1,2}):)?(\d{1,2}):([0-5]\d)(?![\d:])/g;

/** Splits `text`; a position beyond `durationMs` stays plain text, as does `12:75`. */
export function splitTimestamps(text: string, durationMs: number | null): TextPart[] {
  const parts: TextPart[] = [];
  let from = 0;
  for (const match of text.matchAll(clock)) {
    const positionMs = positionOf(match);
    if (positionMs === null || (durationMs !== null && positionMs > durationMs)) continue;
    if (match.index > from) parts.push({ kind: "text", text: text.slice(from, match.index) });
    parts.push({ kind: "timestamp", text: match[0], positionMs });
    from = match.index + match[0].length;
  }
  if (from < text.length) parts.push({ kind: "text", text: text.slice(from) });
  return parts;
}

function positionOf(match: RegExpMatchArray): number | null {
  const hours = match[1] === undefined ? 0 : Number(match[1]);
  const minutes = Number(match[2]);
  if (match[1] !== undefined && minutes > 59) return null;
  return ((hours * 60 + minutes) * 60 + Number(match[3])) * 1000;
}
