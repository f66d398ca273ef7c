import { useCallback, useRef, useState } from "react";
import { chooseThumbnail, listThumbnails, uploadThumbnail } from "../../api/thumbnails";
import type { ThumbnailChoices } from "../../api/types";
import { Button } from "../../components/Button";
import { ErrorNote } from "../../components/ErrorNote";
import { Icon } from "../../components/Icon";
import { formatClock } from "../../lib/time";
import { useResource } from "../../lib/useResource";
import styles from "./ThumbnailChooser.module.css";

/** The picture that stands for a video, for its owner: one of those taken from it, or an image of their own. */
export function ThumbnailChooser({ videoId }: { videoId: string }) {
  const input = useRef<HTMLInputElement>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Error | null>(null);
  const choices = useResource(useCallback((signal: AbortSignal) => listThumbnails(videoId, signal), [videoId]));

  async function act(call: () => Promise<ThumbnailChoices>) {
    setBusy(true);
    setProblem(null);
    try {
      const changed = await call();
      choices.replace(() => changed);
    } catch (error) {
      setProblem(error as Error);
    }
    setBusy(false);
  }

  if (choices.error) return <ErrorNote error={choices.error} onRetry={choices.reload} />;
  const { candidates = [], selected = null } = choices.value ?? {};
  return (
    <div className={styles.chooser} aria-busy={busy}>
      {choices.value && candidates.length === 0 && <p className={styles.soft}>The pictures are still being taken.</p>}
      <div className={styles.candidates} role="group" aria-label="Pictures from the video">
        {candidates.map(({ candidate, at_ms: atMs, url }) => (
          <button
            key={candidate}
            type="button"
            aria-pressed={candidate === selected}
            disabled={busy}
            onClick={() => void act(() => chooseThumbnail(videoId, candidate))}
          >
            <img src={url} alt={`The picture at ${formatClock(atMs)}`} loading="lazy" />
            <span>{formatClock(atMs)}</span>
            {candidate === selected && <Icon name="check" size={18} />}
          </button>
        ))}
      </div>
      {candidates.length > 0 && selected === null && <p className={styles.soft}>An image of your own stands for it now.</p>}
      {problem && <ErrorNote error={problem} />}
      <div>
        <Button busy={busy} onClick={() => input.current?.click()}>
          <Icon name="upload" size={18} /> An image of your own
        </Button>
        <input
          ref={input}
          type="file"
          hidden
          aria-label="Image file"
          accept="image/jpeg,image/png,image/webp"
          onChange={(event) => {
            const file = event.target.files?.[0];
            if (file) void act(() => uploadThumbnail(videoId, file));
            event.target.value = "";
          }}
        />
      </div>
    </div>
  );
}
