/** Why there is no picture, in words for whoever came to watch. Pure. */
import { ApiError } from "../../api/problem";

interface StageWords {
  title: string;
  detail: string;
}

export function stageWords(error: Error): StageWords {
  const status = error instanceof ApiError ? error.status : null;
  if (status === 0) {
    return { title: "The server cannot be reached", detail: "Check the connection. It is tried again by itself every few seconds." };
  }
  if (status === 401) return { title: "Please sign in again", detail: "Your session has ended, and this video is not for everyone." };
  if (status === 403) return { title: "You may not watch this video", detail: error.message };
  if (status === 404 || status === 410) {
    return { title: "This video is gone", detail: "It was deleted, or its owner no longer shows it to everyone." };
  }
  if (status === 429) return { title: "Too many requests", detail: "Wait a moment and try again." };
  if (status !== null && status >= 500) return { title: "The server has a problem", detail: error.message };
  return { title: "This video cannot be shown", detail: error.message };
}
