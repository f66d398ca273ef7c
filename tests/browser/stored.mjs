/** What the server keeps of an upload, by its bytes. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";

export function digestOf(content) {
  return createHash("sha256").update(content).digest("hex");
}

export async function digestOfFile(file) {
  return digestOf(await readFile(file));
}

export function storedDigest({ objectsDir }, videoId) {
  return digestOfFile(path.join(objectsDir, "sources", videoId, "original"));
}
