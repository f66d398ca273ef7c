import { useEffect, useState, type SubmitEvent } from "react";
import type { Visibility } from "../../api/types";
import { Button } from "../../components/Button";
import { Field } from "../../components/Field";
import { formatBytes } from "../../lib/numbers";
import { text } from "../../lib/useForm";
import { previousOf, type Details } from "../../upload/uploadTask";
import styles from "./UploadPage.module.css";

interface DetailsFormProps {
  file: File;
  userId: string;
  onStart: (details: Details) => void;
  onCancel: () => void;
}

/** What the video is called and who may see it. A file whose upload was broken off keeps what was said of it. */
export function DetailsForm({ file, userId, onStart, onCancel }: DetailsFormProps) {
  const [known, setKnown] = useState<Record<string, string> | null | undefined>(undefined);
  useEffect(() => {
    void previousOf(file, userId).then((previous) => setKnown(previous?.metadata ?? null));
  }, [file, userId]);
  if (known === undefined) return null;

  function submit(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    onStart({
      title: text(data, "title").trim(),
      description: text(data, "description").trim(),
      tags: tidyTags(text(data, "tags")),
      visibility: text(data, "visibility") as Visibility,
    });
  }

  const visibility = known?.visibility ?? "public";
  return (
    <form className={styles.panel} onSubmit={submit}>
      <p className={styles.soft}>
        {file.name} · {formatBytes(file.size)}
        {known && " · goes on where it stopped"}
      </p>
      <Field label="Title">
        {(bound) => <input {...bound} name="title" required maxLength={200} defaultValue={known?.title ?? titleFrom(file.name)} />}
      </Field>
      <Field label="Description" hint="Times such as 1:23 become links into the video.">
        {(bound) => <textarea {...bound} name="description" rows={4} maxLength={5000} defaultValue={known?.description} />}
      </Field>
      <div className={styles.pair}>
        <Field label="Tags" hint="Separated by commas.">
          {(bound) => <input {...bound} name="tags" defaultValue={known?.tags} />}
        </Field>
        <Field label="Who may see it">
          {(bound) => (
            <select {...bound} name="visibility" defaultValue={visibility}>
              <option value="public">Everyone</option>
              <option value="unlisted">Everyone with the link</option>
              <option value="private">Only me</option>
            </select>
          )}
        </Field>
      </div>
      <div className={styles.actions}>
        <Button type="submit" look="primary">
          {known ? "Resume the upload" : "Start the upload"}
        </Button>
        <Button onClick={onCancel}>Choose another file</Button>
      </div>
    </form>
  );
}

function titleFrom(fileName: string): string {
  const words = fileName.replace(/\.[^.]+$/, "").replace(/[_]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function tidyTags(tags: string): string {
  const parts = tags.split(",").map((tag) => tag.trim());
  return parts.filter((tag) => tag !== "").join(",");
}
