import { useState, type SubmitEvent } from "react";
import { putCaptions } from "../../api/captions";
import { Button } from "../../components/Button";
import { ErrorNote } from "../../components/ErrorNote";
import { Field } from "../../components/Field";
import { languages, ownName } from "../../lib/languages";
import { text } from "../../lib/useForm";
import styles from "./CaptionsEditor.module.css";

/** A WebVTT or SubRip file in a language; it takes the place of what that language has. */
export function CaptionsForm({ videoId, onAdded }: { videoId: string; onAdded: () => void }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Error | null>(null);

  async function submit(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const data = new FormData(form);
    const file = data.get("file");
    if (!(file instanceof File)) return;
    setBusy(true);
    setProblem(null);
    try {
      const language = text(data, "language").trim();
      const label = text(data, "label").trim() || (ownName(language) ?? "");
      await putCaptions(videoId, { language, label, kind: text(data, "kind"), file });
      form.reset();
      onAdded();
    } catch (error) {
      setProblem(error as Error);
    }
    setBusy(false);
  }

  return (
    <form className={styles.form} aria-label="Add captions" onSubmit={(event) => void submit(event)}>
      <Field label="Language" hint="As a tag: en, de, pt-BR.">
        {(bound) => <input {...bound} name="language" required maxLength={35} list="caption-languages" autoComplete="off" />}
      </Field>
      <datalist id="caption-languages">
        {languages().map(({ tag, name }) => (
          <option key={tag} value={tag}>
            {name}
          </option>
        ))}
      </datalist>
      <Field label="Name" hint="Left empty: the language's own.">
        {(bound) => <input {...bound} name="label" maxLength={60} />}
      </Field>
      <Field label="What it holds">
        {(bound) => (
          <select {...bound} name="kind">
            <option value="subtitles">Speech</option>
            <option value="captions">Speech and sounds</option>
          </select>
        )}
      </Field>
      <Field label="File" hint="WebVTT or SubRip, up to 2 MB.">
        {(bound) => (
          <input {...bound} type="file" name="file" required accept=".vtt,.srt,text/vtt,application/x-subrip" />
        )}
      </Field>
      {problem && <ErrorNote error={problem} />}
      <div>
        <Button type="submit" look="primary" busy={busy}>
          Add captions
        </Button>
      </div>
    </form>
  );
}
