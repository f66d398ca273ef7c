/**
 * The one upload of this tab. Lives outside React, so that it goes on while one looks at other pages, and survives a
 * reload through the fingerprint that tus-js-client keeps in localStorage.
 */
import { defaultOptions, Upload, type PreviousUpload } from "tus-js-client";
import { currentUser, freshAccessToken } from "../api/session";
import type { Visibility } from "../api/types";
import { SpeedMeter } from "./speedMeter";

export interface Details {
  title: string;
  description: string;
  tags: string;
  visibility: Visibility;
}

export interface UploadState {
  phase: "idle" | "running" | "paused" | "failed" | "sent";
  fileName: string;
  title: string;
  sentBytes: number;
  totalBytes: number;
  bytesPerS: number;
  videoId: string | null;
  /** The video whose file it takes the place of. */
  replaces: string | null;
  problem: string | null;
}

const idle: UploadState = {
  phase: "idle",
  fileName: "",
  title: "",
  sentBytes: 0,
  totalBytes: 0,
  bytesPerS: 0,
  videoId: null,
  replaces: null,
  problem: null,
};

const endpoint = "/api/v1/uploads";
const retryDelays = [0, 1000, 2000, 4000, 8000, 15_000, 15_000, 30_000];

class UploadTask {
  private state = idle;
  private upload: Upload | null = null;
  private meter = new SpeedMeter();
  private readonly listeners = new Set<() => void>();

  readonly snapshot = (): UploadState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Makes a video of a file. */
  start(file: File, details: Details, userId: string): Promise<void> {
    return this.begin(file, userId, details.title, null, { ...details });
  }

  /** Puts a file in the place of the one that a video has. */
  replace(file: File, video: { id: string; title: string }, userId: string): Promise<void> {
    return this.begin(file, userId, video.title, video.id, { replaces: video.id });
  }

  private async begin(
    file: File,
    userId: string,
    title: string,
    replaces: string | null,
    metadata: Record<string, string>,
  ): Promise<void> {
    this.meter = new SpeedMeter();
    this.publish({ ...idle, phase: "running", fileName: file.name, title, replaces, totalBytes: file.size });
    const upload = new Upload(file, {
      endpoint,
      retryDelays,
      metadata: { filename: file.name, filetype: file.type, ...metadata },
      fingerprint: () => Promise.resolve(fingerprintOf(file, userId, replaces)),
      removeFingerprintOnSuccess: true,
      onBeforeRequest: async (request) => {
        const token = await freshAccessToken();
        if (!token) throw new Error("signed out");
        request.setHeader("Authorization", `Bearer ${token}`);
      },
      onAfterResponse: (_request, response) => this.videoNamed(response.getHeader("Playhouse-Video-Id")),
      onShouldRetry: (error, attempt) => shouldRetry(error.originalResponse?.getStatus() ?? 0, attempt),
      onProgress: (sentBytes, totalBytes) => this.progressed(sentBytes, totalBytes),
      onSuccess: () => this.publish({ ...this.state, phase: "sent", sentBytes: file.size }),
      onError: (error) => this.publish({ ...this.state, phase: "failed", problem: problemOf(error) }),
    });
    this.upload = upload;
    const [previous] = await upload.findPreviousUploads();
    if (previous) upload.resumeFromPreviousUpload(previous);
    upload.start();
  }

  pause(): void {
    if (this.state.phase !== "running") return;
    this.publish({ ...this.state, phase: "paused", bytesPerS: 0 });
    void this.upload?.abort();
  }

  resume(): void {
    if (!this.upload || (this.state.phase !== "paused" && this.state.phase !== "failed")) return;
    this.meter = new SpeedMeter();
    this.publish({ ...this.state, phase: "running", problem: null });
    this.upload.start();
  }

  /** Ends the upload here and on the server. */
  async cancel(): Promise<void> {
    const upload = this.upload;
    this.reset();
    await upload?.abort(true).catch(() => undefined);
  }

  reset(): void {
    this.upload = null;
    this.publish(idle);
  }

  private videoNamed(videoId: string | undefined): void {
    if (videoId && videoId !== this.state.videoId && this.upload) this.publish({ ...this.state, videoId });
  }

  private progressed(sentBytes: number, totalBytes: number): void {
    if (this.state.phase !== "running") return;
    const bytesPerS = this.meter.add(performance.now(), sentBytes);
    this.publish({ ...this.state, sentBytes, totalBytes, bytesPerS });
  }

  private publish(state: UploadState): void {
    this.state = state;
    for (const listener of this.listeners) listener();
  }
}

export const uploadTask = new UploadTask();

addEventListener("beforeunload", (event) => {
  if (uploadTask.snapshot().phase === "running") event.preventDefault();
});

/** Two people at one computer never share an upload, nor do two videos that get the same file. */
function fingerprintOf(file: File, userId: string, replaces: string | null): string {
  const purpose = replaces === null ? "" : `${replaces}-`;
  return `${prefixFor(userId)}${purpose}${file.name}-${file.size}-${file.lastModified}`;
}

function prefixFor(userId: string): string {
  return `playhouse-${userId}-`;
}

export function unfinishedFor(userId: string): Promise<PreviousUpload[]> {
  const mine = `tus::${prefixFor(userId)}`;
  const all = defaultOptions.urlStorage.findAllUploads();
  return all.then((uploads) => uploads.filter(({ urlStorageKey }) => urlStorageKey.startsWith(mine)));
}

export async function previousOf(file: File, userId: string): Promise<PreviousUpload | null> {
  const key = `tus::${fingerprintOf(file, userId, null)}::`;
  const all = await unfinishedFor(userId);
  return all.find(({ urlStorageKey }) => urlStorageKey.startsWith(key)) ?? null;
}

export async function discard(upload: PreviousUpload): Promise<void> {
  await defaultOptions.urlStorage.removeUpload(upload.urlStorageKey);
  if (!upload.uploadUrl) return;
  const token = await freshAccessToken();
  const headers = { "Tus-Resumable": "1.0.0", ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  await fetch(upload.uploadUrl, { method: "DELETE", headers }).catch(() => undefined);
}

function shouldRetry(status: number, attempt: number): boolean {
  if (!currentUser()) return false;
  if (status === 401) return attempt < 2;
  return status < 400 || status >= 500 || status === 409 || status === 423 || status === 429;
}

interface MaybeDetailed extends Error {
  originalResponse?: { getBody(): string; getStatus(): number } | null;
}

function problemOf(error: MaybeDetailed): string {
  const response = error.originalResponse;
  if (!currentUser()) return "Please sign in again; the upload goes on from where it is.";
  if (!response) return "The server cannot be reached.";
  try {
    const problem = JSON.parse(response.getBody()) as { detail?: string };
    if (problem.detail) return problem.detail;
  } catch {
    // Not a problem document: the status has to do.
  }
  return `The server refused the upload (${response.getStatus()}).`;
}
