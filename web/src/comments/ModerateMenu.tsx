import { useState } from "react";
import { pinComment, timeOut } from "../api/chat";
import { deleteComment } from "../api/comments";
import type { Comment } from "../api/types";
import type { RoomStore } from "../realtime/roomStore";
import styles from "./ModerateMenu.module.css";

interface ModerateMenuProps {
  comment: Comment;
  room: RoomStore;
  pinned: boolean;
  own: boolean;
}

const minutesS = 60;

/** What moderators do about a comment and its author. A disclosure: it opens in place, for keyboards and thumbs alike. */
export function ModerateMenu({ comment, room, pinned, own }: ModerateMenuProps) {
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState("");
  const name = comment.user.display_name;

  async function act(work: () => Promise<string>) {
    setBusy(true);
    setSaid("");
    try {
      setSaid(await work());
    } catch (error) {
      setSaid((error as Error).message);
    }
    setBusy(false);
  }

  const silence = (durationS: number, words: string, removeComments = false) =>
    act(async () => {
      const { removed } = await timeOut(comment.video_id, comment.user.id, durationS, removeComments);
      return `${name} is silenced for ${words}.${removed > 0 ? ` ${removed} comments are gone.` : ""}`;
    });
  const pin = () =>
    act(async () => {
      await pinComment(comment.video_id, pinned ? null : comment.id);
      setOpen(false);
      return "";
    });
  const remove = () =>
    act(async () => {
      await deleteComment(comment.id);
      room.forget([comment.id]);
      return "";
    });

  return (
    <span className={styles.menu}>
      <button type="button" aria-expanded={open} aria-label={`Moderate the comment of ${name}`} onClick={() => setOpen(!open)}>
        Moderate
      </button>
      {open && (
        <span className={styles.acts} role="group" aria-label={`Moderate ${name}`}>
          <button type="button" disabled={busy} onClick={() => void pin()}>
            {pinned ? "Unpin" : "Pin"}
          </button>
          {!own && (
            <>
              <button type="button" disabled={busy} onClick={() => void remove()}>
                Delete
              </button>
              <button type="button" disabled={busy} onClick={() => void silence(10 * minutesS, "10 minutes")}>
                Silence 10 min
              </button>
              <button type="button" disabled={busy} onClick={() => void silence(24 * 60 * minutesS, "a day")}>
                Silence a day
              </button>
              <button type="button" disabled={busy} onClick={() => void silence(24 * 60 * minutesS, "a day", true)}>
                Silence a day, delete all
              </button>
            </>
          )}
        </span>
      )}
      <span className={styles.said} role="status">
        {said}
      </span>
    </span>
  );
}
