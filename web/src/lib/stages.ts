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
