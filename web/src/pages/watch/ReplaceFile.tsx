import { useEffect, useRef, useState } from "react";
import type { User, Video } from "../../api/types";
import { Button } from "../../components/Button";
import { Icon } from "../../components/Icon";
import { formatBytes } from "../../lib/numbers";
import { uploadTask } from "../../upload/uploadTask";
import { useUpload } from "../../upload/useUpload";
import { ReplacementNote } from "../../video/ReplacementNote";
import { useJob } from "../../video/useJob";
import { useReplaced } from "../../video/useReplaced";
import { TransferPanel } from "../upload/TransferPanel";
import dialogStyles from "./DeleteVideo.module.css";
import styles from "./ReplaceFile.module.css";

interface ReplaceFileProps {
  video: Video;
  user: User;
  /** A new file is what plays now. */
  onReplaced: () => void;
}

/** Another file for a video that there is, for its owner. */
export function ReplaceFile({ video, user, onReplaced }: ReplaceFileProps) {
  const upload = useUpload();
  const { job, reload } = useJob(video);
  const sent = upload.phase === "sent" && upload.replaces === video.id;
  useReplaced(job, onReplaced);
  useEffect(() => {
    if (sent) reload();
  }, [sent, reload]);
  const busy = upload.phase !== "idle" && upload.phase !== "sent";
  if (busy && upload.replaces === video.id) return <TransferPanel upload={upload} />;
  return (
    <div className={styles.replace}>
      <p className={styles.soft}>
        The page stays, with its comments, likes, views and captions. The old file plays until the new one does; then
        nothing of it is kept.
      </p>
      {job?.replacement ? <ReplacementNote replacement={job.replacement} /> : sent && <p role="status">The new file has arrived.</p>}
      {busy && <p className={styles.soft}>Another upload is under way. This one can begin when that has ended.</p>}
      <FileChooser video={video} disabled={busy} onFile={(file) => void uploadTask.replace(file, video, user.id)} />
    </div>
  );
}

interface FileChooserProps {
  video: Video;
  disabled: boolean;
  onFile: (file: File) => void;
}

function FileChooser({ video, disabled, onFile }: FileChooserProps) {
  const input = useRef<HTMLInputElement>(null);
  const dialog = useRef<HTMLDialogElement>(null);
  const [file, setFile] = useState<File | null>(null);

  function chosen(one: File | undefined) {
    // So that the same file can be chosen again.
    if (input.current) input.current.value = "";
    if (!one) return;
    setFile(one);
    dialog.current?.showModal();
  }

  function confirmed() {
    dialog.current?.close();
    if (file) onFile(file);
  }

  return (
    <>
      <Button disabled={disabled} onClick={() => input.current?.click()}>
        <Icon name="upload" size={18} /> Replace the file
      </Button>
      <input
        ref={input}
        type="file"
        hidden
        aria-label="New file"
        accept="video/*,audio/*,.mkv,.ts,.m2ts,.flv,.avi"
        onChange={(event) => chosen(event.target.files?.[0])}
      />
      <dialog ref={dialog} className={dialogStyles.dialog} aria-labelledby="replace-file">
        <h2 id="replace-file">Replace the file?</h2>
        <p>
          {file && `${file.name} (${formatBytes(file.size)})`} takes the place of the file of “{video.title}”. The old
          file cannot be brought back.
        </p>
        <div className={dialogStyles.actions}>
          <Button onClick={() => dialog.current?.close()}>Keep the old one</Button>
          <Button look="primary" onClick={confirmed}>
            Replace it
          </Button>
        </div>
      </dialog>
    </>
  );
}
