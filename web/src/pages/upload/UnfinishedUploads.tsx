import { useEffect, useState } from "react";
import type { PreviousUpload } from "tus-js-client";
import { Button } from "../../components/Button";
import { formatBytes } from "../../lib/numbers";
import { discard, unfinishedFor } from "../../upload/uploadTask";
import styles from "./UploadPage.module.css";

/** Uploads that an earlier visit did not finish. A browser does not keep the file, so it has to be chosen again. */
export function UnfinishedUploads({ userId }: { userId: string }) {
  const [uploads, setUploads] = useState<PreviousUpload[]>([]);
  useEffect(() => {
    void unfinishedFor(userId).then(setUploads);
  }, [userId]);
  if (uploads.length === 0) return null;

  function forget(upload: PreviousUpload) {
    setUploads((before) => before.filter((one) => one !== upload));
    void discard(upload);
  }

  return (
    <section className={styles.panel} aria-labelledby="unfinished">
      <h2 id="unfinished">Not finished yet</h2>
      <p className={styles.soft}>Choose the same file again, and its upload goes on where it stopped.</p>
      <ul>
        {uploads.map((upload) => (
          <li key={upload.urlStorageKey} className={styles.facts}>
            <span>
              {upload.metadata.filename}
              {upload.size !== null && ` · ${formatBytes(upload.size)}`}
              {upload.metadata.replaces && " · the new file of a video: choose it again below that video"}
            </span>
            <Button look="quiet" onClick={() => forget(upload)}>
              Discard
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}
