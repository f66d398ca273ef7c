import { useSyncExternalStore } from "react";
import { uploadTask, type UploadState } from "./uploadTask";

export function useUpload(): UploadState {
  return useSyncExternalStore(uploadTask.subscribe, uploadTask.snapshot);
}
