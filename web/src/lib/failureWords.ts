/** Why a video could not be made, in whole sentences, and what its uploader can do. Pure. */
import { sentence } from "../api/problem";
import type { Failure } from "../api/types";

interface FailureWords {
  title: string;
  reason: string;
  advice: string;
}

export function failureWords(failure: Failure | null | undefined): FailureWords {
  if (!failure) {
    return { title: "This video could not be made", reason: "The reason is not known.", advice: "Trying again may help." };
  }
  if (failure.code === "cancelled") {
    return { title: "This video is not being made", reason: "It was stopped.", advice: "It can be taken up again." };
  }
  return {
    title: "This video could not be made",
    reason: sentence(failure.detail),
    advice: failure.retryable ? "Trying again may help." : "Trying again would end the same way: please upload another file.",
  };
}
