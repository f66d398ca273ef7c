import { useCallback } from "react";
import { listVideos } from "../api/videos";
import { ButtonLink } from "../components/Button";
import { EmptyState } from "../components/EmptyState";
import { VideoGrid } from "../components/VideoGrid";
import { useDocumentTitle } from "../lib/useDocumentTitle";
import styles from "./page.module.css";

export function HomePage() {
  useDocumentTitle(null);
  const load = useCallback((cursor: string | null, signal?: AbortSignal) => listVideos({ cursor }, signal), []);
  return (
    <>
      <h1 className={styles.heading}>Now showing</h1>
      <VideoGrid
        load={load}
        empty={
          <EmptyState icon="film" title="The stage is empty">
            <p>Nobody has uploaded a video yet. Yours can be the first: it plays seconds after it arrives.</p>
            <ButtonLink look="primary" to="/upload">
              Upload a video
            </ButtonLink>
          </EmptyState>
        }
      />
    </>
  );
}
