/** Languages to choose from, by BCP 47 tag, with their English names. Any other tag may be typed. */
const tags = [
  "ar", "bg", "bn", "cs", "da", "de", "el", "en", "es", "es-419", "et", "fa", "fi", "fr", "he", "hi", "hr", "hu", "id",
  "it", "ja", "ko", "lt", "lv", "nb", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl", "sr", "sv", "th", "tr", "uk",
  "vi", "zh-Hans", "zh-Hant",
];

/** A language as those who speak it call it; null for what is no language tag. */
export function ownName(tag: string): string | null {
  try {
    const name = new Intl.DisplayNames([tag], { type: "language", fallback: "none" }).of(tag);
    return name ? name.charAt(0).toLocaleUpperCase(tag) + name.slice(1) : null;
  } catch {
    return null;
  }
}

export function languages(): { tag: string; name: string }[] {
  const names = new Intl.DisplayNames(["en"], { type: "language" });
  return tags.map((tag) => ({ tag, name: names.of(tag) ?? tag }));
}
