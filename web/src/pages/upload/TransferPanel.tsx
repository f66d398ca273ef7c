import { Button } from "../../components/Button";
import { ErrorNote } from "../../components/ErrorNote";
import { ProgressBar } from "../../components/ProgressBar";
import { formatBytes } from "../../lib/numbers";
import { formatTimeLeft } from "../../lib/time";
import { uploadTask, type UploadState } from "../../upload/uploadTask";
import styles from "./UploadPage.module.css";

export function TransferPanel({ upload }: { upload: UploadState }) {
  const { phase, sentBytes, totalBytes, bytesPerS } = upload;
  const percent = totalBytes > 0 ? (sentBytes / totalBytes) * 100 : 0;
  const left = bytesPerS > 0 ? formatTimeLeft((totalBytes - sentBytes) / bytesPerS) : "";
  const pace = phase === "paused" ? "Paused" : bytesPerS > 0 ? `${formatBytes(bytesPerS)}/s` : "";
  return (
    <section className={styles.panel} aria-label="Upload">
      <div>
        <h2>{upload.title}</h2>
        <p className={styles.soft}>{upload.fileName}</p>
      </div>
      <ProgressBar label="Upload" percent={percent} />
      <p className={styles.facts}>
        <span>
          {Math.floor(percent)} % · {formatBytes(sentBytes)} of {formatBytes(totalBytes)}
        </span>
        <span>{[pace, left].filter(Boolean).join(" · ")}</span>
      </p>
      {phase === "failed" && <ErrorNote error={new Error(upload.problem ?? "The upload stopped.")} />}
      <div className={styles.actions}>
        {phase === "running" ? (
          <Button onClick={() => uploadTask.pause()}>Pause</Button>
        ) : (
          <Button look="primary" onClick={() => uploadTask.resume()}>
            {phase === "failed" ? "Try again" : "Resume"}
          </Button>
        )}
        <Button look="quiet" onClick={() => void uploadTask.cancel()}>
          Cancel the upload
        </Button>
      </div>
      <p className={styles.soft}>
        You can look at other pages meanwhile. Should this one close, choose the same file again and it goes on.
      </p>
    </section>
  );
}
