import { useUser } from "../api/session";
import { LinkedText } from "../components/LinkedText";
import { splitMentions } from "../lib/mentions";
import styles from "./CommentText.module.css";

interface CommentTextProps {
  text: string;
  durationMs: number | null;
  onSeek: (positionMs: number) => void;
}

/** What somebody wrote: times can be pressed, names that are called stand out, one's own most. */
export function CommentText({ text, durationMs, onSeek }: CommentTextProps) {
  const own = useUser()?.username ?? null;
  return splitMentions(text).map((part, index) =>
    part.kind === "text" ? (
      <LinkedText key={index} text={part.text} durationMs={durationMs} onSeek={onSeek} />
    ) : (
      <mark key={index} className={styles.mention} data-own={part.username === own}>
        {part.text}
      </mark>
    ),
  );
}
