import { useRef, useState } from "react";
import type { Video } from "../../api/types";
import { deleteVideo } from "../../api/videos";
import { Button } from "../../components/Button";
import { ErrorNote } from "../../components/ErrorNote";
import { Icon } from "../../components/Icon";
import { navigate } from "../../lib/router";
import styles from "./DeleteVideo.module.css";

export function DeleteVideo({ video }: { video: Video }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Error | null>(null);

  async function remove() {
    setBusy(true);
    setProblem(null);
    try {
      await deleteVideo(video.id);
      navigate(`/channel/${video.channel.id}`, { replace: true });
    } catch (error) {
      setProblem(error as Error);
      setBusy(false);
    }
  }

  return (
    <>
      <Button look="quiet" onClick={() => dialog.current?.showModal()}>
        <Icon name="trash" size={19} /> Delete
      </Button>
      <dialog ref={dialog} className={styles.dialog} aria-labelledby="delete-video">
        <h2 id="delete-video">Delete this video?</h2>
        <p>“{video.title}” goes with its comments, likes and views. This cannot be undone.</p>
        {problem && <ErrorNote error={problem} />}
        <div className={styles.actions}>
          <Button onClick={() => dialog.current?.close()}>Keep it</Button>
          <Button look="danger" busy={busy} onClick={() => void remove()}>
            Delete it
          </Button>
        </div>
      </dialog>
    </>
  );
}
