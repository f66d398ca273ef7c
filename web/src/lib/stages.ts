/** The stages of a transcode in words for whoever waits for it. */
const known: Record<string, string> = {
  uploading: "Waiting for the upload to finish",
  queued: "Waiting for its turn",
  probing: "Looking at the file",
  packaging: "Making it playable",
  encoding: "Making more qualities",
  thumbnails: "Taking pictures",
  finishing: "Putting it together",
  done: "Done",
  failed: "Failed",
};

export function stageWords(stage: string): string {
  const found = known[stage];
  if (found) return found;
  const words = stage.replaceAll("_", " ").trim();
  return words === "" ? "Processing" : words.charAt(0).toUpperCase() + words.slice(1);
}

const states: Record<string, string> = {
  queued: "It waits for its turn.",
  running: "It is being made.",
  done: "It is ready in all its qualities.",
  failed: "It could not be made.",
  cancelled: "It was stopped.",
};

export function jobWords(state: string): string {
  return states[state] ?? stageWords(state);
}
