import type { Reaction, Video } from "../../api/types";
import { ErrorNote } from "../../components/ErrorNote";
import { Icon } from "../../components/Icon";
import { formatCount, formatExact } from "../../lib/numbers";
import type { Counts } from "../../realtime/frames";
import styles from "./ReactionButtons.module.css";
import { useReaction } from "./useReaction";

export function ReactionButtons({ video, counts }: { video: Video; counts: Counts | null }) {
  const { view, choose, problem } = useReaction(video, counts);
  return (
    <>
      <div className={styles.pair} role="group" aria-label="What you think of it">
        <Half kind="like" count={view.likes} chosen={view.reaction} onChoose={choose} />
        <Half kind="dislike" count={view.dislikes} chosen={view.reaction} onChoose={choose} />
      </div>
      {problem && <ErrorNote error={problem} />}
    </>
  );
}

interface HalfProps {
  kind: "like" | "dislike";
  count: number;
  chosen: Reaction;
  onChoose: (reaction: Reaction) => void;
}

function Half({ kind, count, chosen, onChoose }: HalfProps) {
  const pressed = chosen === kind;
  const name = kind === "like" ? "Like" : "Dislike";
  return (
    <button
      type="button"
      aria-pressed={pressed}
      aria-label={`${name}, ${formatExact(count)}`}
      title={name}
      data-testid={kind}
      onClick={() => onChoose(pressed ? "none" : kind)}
    >
      <Icon name={kind} />
      <span>{formatCount(count)}</span>
    </button>
  );
}
