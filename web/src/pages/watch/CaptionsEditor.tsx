import { useCallback, useState } from "react";
import { deleteCaptions, listCaptions } from "../../api/captions";
import type { CaptionTrack } from "../../api/types";
import { Button } from "../../components/Button";
import { ErrorNote } from "../../components/ErrorNote";
import { Icon } from "../../components/Icon";
import { countOf } from "../../lib/numbers";
import { useResource } from "../../lib/useResource";
import { CaptionsForm } from "./CaptionsForm";
import styles from "./CaptionsEditor.module.css";

/** The captions of a video, for its owner: what there is, one more, one less. */
export function CaptionsEditor({ videoId, onChanged }: { videoId: string; onChanged: () => void }) {
  const [problem, setProblem] = useState<Error | null>(null);
  const tracks = useResource(useCallback((signal: AbortSignal) => listCaptions(videoId, signal), [videoId]));

  function changed() {
    setProblem(null);
    tracks.reload();
    onChanged();
  }

  function remove({ language }: CaptionTrack) {
    deleteCaptions(videoId, language).then(changed, (error: unknown) => setProblem(error as Error));
  }

  return (
    <div className={styles.editor}>
      {tracks.error && <ErrorNote error={tracks.error} onRetry={tracks.reload} />}
      {tracks.value?.length === 0 && <p className={styles.soft}>This video has no captions yet.</p>}
      {tracks.value && tracks.value.length > 0 && (
        <ul className={styles.tracks} aria-label="Captions of this video">
          {tracks.value.map((track) => (
            <li key={track.language} data-testid="caption-track">
              <span className={styles.name}>
                {track.label} <small>{track.language}</small>
              </span>
              <span className={styles.soft}>
                {countOf(track.cues, "cue")}
                {track.skipped > 0 && `, ${track.skipped} left out`}
              </span>
              <Button look="quiet" aria-label={`Remove ${track.label}`} onClick={() => remove(track)}>
                <Icon name="trash" size={18} />
              </Button>
            </li>
          ))}
        </ul>
      )}
      {problem && <ErrorNote error={problem} />}
      <CaptionsForm videoId={videoId} onAdded={changed} />
    </div>
  );
}
