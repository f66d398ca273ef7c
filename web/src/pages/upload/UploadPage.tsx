import { useState } from "react";
import { useUser } from "../../api/session";
import { SignInFirst } from "../../components/SignInFirst";
import { useDocumentTitle } from "../../lib/useDocumentTitle";
import { uploadTask, type Details } from "../../upload/uploadTask";
import { useUpload } from "../../upload/useUpload";
import { DetailsForm } from "./DetailsForm";
import { DropZone } from "./DropZone";
import { ProcessingPanel } from "./ProcessingPanel";
import { TransferPanel } from "./TransferPanel";
import { UnfinishedUploads } from "./UnfinishedUploads";
import styles from "./UploadPage.module.css";

export function UploadPage() {
  useDocumentTitle("Upload");
  const user = useUser();
  const upload = useUpload();
  const [file, setFile] = useState<File | null>(null);
  if (!user) return <SignInFirst to="/upload" why="A video belongs to the channel of whoever uploads it." />;

  function start(chosen: File, details: Details, userId: string) {
    setFile(null);
    void uploadTask.start(chosen, details, userId);
  }

  return (
    <div className={styles.page}>
      <h1>Upload a video</h1>
      {upload.phase === "idle" && !file && (
        <>
          <DropZone onFile={setFile} />
          <UnfinishedUploads userId={user.id} />
        </>
      )}
      {upload.phase === "idle" && file && (
        <DetailsForm
          file={file}
          userId={user.id}
          onCancel={() => setFile(null)}
          onStart={(details) => start(file, details, user.id)}
        />
      )}
      {upload.phase !== "idle" && upload.phase !== "sent" && <TransferPanel upload={upload} />}
      {upload.phase === "sent" && (
        <ProcessingPanel
          videoId={upload.videoId}
          title={upload.title}
          channelId={user.channel_id}
          onDone={() => uploadTask.reset()}
        />
      )}
    </div>
  );
}
