/** Finds names that a text calls, such as `@ada`, by the same rule as the server (`domain/mention.rs`). */

export type MentionPart = { kind: "text"; text: string } | { kind: "mention"; text: string; username: string };

const mention = /(?<![\p{L}\p{N}._\-+@/])@([A-Za-z0-9][A-Za-z0-9_-]{2,31})(?![A-Za-z0-9_-])/gu;

export function splitMentions(text: string): MentionPart[] {
  const parts: MentionPart[] = [];
  let from = 0;
  for (const match of text.matchAll(mention)) {
    if (match.index > from) parts.push({ kind: "text", text: text.slice(from, match.index) });
    parts.push({ kind: "mention", text: match[0], username: (match[1] ?? "").toLowerCase() });
    from = match.index + match[0].length;
  }
  if (from < text.length) parts.push({ kind: "text", text: text.slice(from) });
  return parts;
}

export function calls(text: string, username: string | null): boolean {
  return username !== null && splitMentions(text).some((part) => part.kind === "mention" && part.username === username);
}
