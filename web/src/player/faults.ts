/** What may stop a video, and what is said about it. Pure. */

/** `stale`: the addresses ended or moved, and new ones are asked for before anyone is told. */
export type Fault = "stale" | "gone" | "refused" | "network" | "decode" | "unsupported";

/** What is shown; `stale` never is. */
export type ShownFault = Exclude<Fault, "stale">;

interface FaultWords {
  title: string;
  detail: string;
  retry: string | null;
}

export const faultWords: Record<ShownFault, FaultWords> = {
  network: {
    title: "The video stopped arriving",
    detail: "The connection to the server broke. It goes on from here by itself as soon as the server answers.",
    retry: "Try now",
  },
  decode: {
    title: "This part of the video cannot be played",
    detail: "The browser could not decode it. Trying again often helps; if not, a lower quality may.",
    retry: "Try again",
  },
  gone: {
    title: "A part of this video is missing",
    detail: "The server no longer has it. It may be made anew at this moment: try again in a minute.",
    retry: "Try again",
  },
  refused: {
    title: "You may not watch this video any more",
    detail: "The permission ended or was taken back. Signing in again may help.",
    retry: "Try again",
  },
  unsupported: {
    title: "This browser cannot play streamed video",
    detail: "Please use a current version of Firefox, Chrome, Edge or Safari.",
    retry: null,
  },
};

/** A refusal by the server; null for what may pass by itself. */
export function refusalOf(status: number): "gone" | "refused" | null {
  if (status === 401 || status === 403) return "refused";
  return status === 404 || status === 410 ? "gone" : null;
}

/** A <video> that plays by itself says only a number. */
export function faultOfMediaError(code: number | undefined): ShownFault {
  return code === MediaErrors.network ? "network" : code === MediaErrors.unsupported ? "gone" : "decode";
}

/** `MediaError.MEDIA_ERR_*`, which only browsers have. A source that is not there is an unsupported one to them. */
const MediaErrors = { network: 2, unsupported: 4 } as const;
