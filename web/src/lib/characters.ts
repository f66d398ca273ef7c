/** How long a text is as the server counts: in Unicode characters, not in UTF-16 units. */
export function charactersIn(text: string): number {
  return Array.from(text).length;
}
