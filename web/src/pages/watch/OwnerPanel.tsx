/** What only the owner of a video sees below it: how it is made, and what goes with it. */
import { useUser } from "../../api/session";
import type { Video } from "../../api/types";
import { JobPanel } from "../../video/JobPanel";
import { CaptionsEditor } from "./CaptionsEditor";
import styles from "./OwnerPanel.module.css";
import { ReplaceFile } from "./ReplaceFile";
import { ThumbnailChooser } from "./ThumbnailChooser";

interface OwnerPanelProps {
  video: Video;
  onVideo: (video: Video) => void;
  /** Something changed that the player has to fetch anew. */
  onChanged: () => void;
  /** A new file is what plays now. */
  onReplaced: () => void;
}

export function OwnerPanel({ video, onVideo, onChanged, onReplaced }: OwnerPanelProps) {
  const user = useUser();
  if (user?.channel_id !== video.channel.id) return null;
  return (
    <section className={styles.panel} aria-label="Your video">
      <details open={video.status !== "ready"}>
        <summary>Processing</summary>
        <JobPanel video={video} onVideo={onVideo} />
      </details>
      <details>
        <summary>Captions</summary>
        <CaptionsEditor videoId={video.id} onChanged={onChanged} />
      </details>
      <details>
        <summary>File</summary>
        <ReplaceFile video={video} user={user} onReplaced={onReplaced} />
      </details>
      {video.thumbnails && (
        <details>
          <summary>Picture</summary>
          <ThumbnailChooser videoId={video.id} />
        </details>
      )}
    </section>
  );
}
