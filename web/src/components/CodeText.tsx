/** Plain text in which words between backticks are code, as the server's descriptions have them. */
export function CodeText({ text }: { text: string }) {
  return text.split("`").map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part));
}
