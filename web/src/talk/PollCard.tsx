import { useState } from "react";
import { closePoll, vote } from "../api/chat";
import { useUser } from "../api/session";
import type { Poll } from "../api/types";
import { percentOf } from "../lib/hold";
import { countOf } from "../lib/numbers";
import type { RoomStore } from "../realtime/roomStore";
import styles from "./PollCard.module.css";

interface PollCardProps {
  poll: Poll;
  room: RoomStore;
  moderator: boolean;
}

/** The question of the moment: press an option to vote, another to think again. */
export function PollCard({ poll, room, moderator }: PollCardProps) {
  const user = useUser();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  async function ask(work: () => Promise<Poll>) {
    setBusy(true);
    setProblem(null);
    try {
      room.voted(await work());
    } catch (error) {
      setProblem((error as Error).message);
    }
    setBusy(false);
  }

  return (
    <section className={styles.card} aria-label="Poll" data-testid="poll" data-open={poll.open}>
      <h3>{poll.question}</h3>
      <ul>
        {poll.options.map(({ text, votes }, option) => (
          <li key={text}>
            <button
              type="button"
              aria-pressed={poll.vote === option}
              disabled={!poll.open || !user || busy}
              onClick={() => void ask(() => vote(poll.video_id, poll.id, option))}
            >
              <i aria-hidden="true" style={{ width: `${percentOf(votes, poll.votes)}%` }} />
              <span>{text}</span>
              <span className="tabular">{percentOf(votes, poll.votes)} %</span>
            </button>
          </li>
        ))}
      </ul>
      <p className={styles.foot}>
        <span>
          {countOf(poll.votes, "vote")}
          {!poll.open && ", closed"}
          {poll.open && !user && ". Sign in to vote"}
        </span>
        {poll.open && moderator && (
          <button type="button" disabled={busy} onClick={() => void ask(() => closePoll(poll.video_id, poll.id))}>
            Close the poll
          </button>
        )}
        {!poll.open && (
          <button type="button" onClick={() => room.putPollAway()}>
            Put away
          </button>
        )}
      </p>
      {problem && <p role="alert">{problem}</p>}
    </section>
  );
}
