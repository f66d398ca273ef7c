import { useRef, useState, type DragEvent } from "react";
import { Button } from "../../components/Button";
import { Icon } from "../../components/Icon";
import styles from "./DropZone.module.css";

export function DropZone({ onFile }: { onFile: (file: File) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);

  function dropped(event: DragEvent) {
    event.preventDefault();
    setOver(false);
    const file = event.dataTransfer.files[0];
    if (file) onFile(file);
  }

  return (
    <section
      className={styles.zone}
      aria-label="Choose a video"
      data-over={over}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={dropped}
    >
      <span className={styles.icon}>
        <Icon name="upload" size={36} />
      </span>
      <p className={styles.words}>Drop a video here</p>
      <p className={styles.soft}>MP4, MOV, MKV, WebM and most others, up to 2 GB. Sound alone works too.</p>
      <Button look="primary" onClick={() => input.current?.click()}>
        Choose a file
      </Button>
      <input
        ref={input}
        type="file"
        hidden
        aria-label="Video file"
        accept="video/*,audio/*,.mkv,.ts,.m2ts,.flv,.avi"
        onChange={(event) => {
          const file = event.target.files?.[0];
          if (file) onFile(file);
        }}
      />
    </section>
  );
}
