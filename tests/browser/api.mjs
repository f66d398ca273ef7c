/** What a test needs of the server and no page shows: accounts, videos and their bytes, over REST. */
import { openAsBlob } from "node:fs";
import path from "node:path";

export const password = "a stage of one's own";

export async function account(server, username) {
  const answer = await call(server, "/auth/register", { method: "POST", json: { username, email: `${username}@example.org`, password } });
  return { username, token: answer.access_token };
}

/** Uploads a file in one request and answers the video's id. */
export async function upload(server, { token }, file, fields) {
  const body = new FormData();
  for (const [name, value] of Object.entries({ visibility: "public", ...fields })) body.append(name, value);
  body.append("file", await openAsBlob(file, { type: "video/mp4" }), path.basename(file));
  const video = await call(server, "/videos", { method: "POST", body, token });
  return video.id;
}

export async function call(server, where, { method = "GET", json, body, token, headers } = {}) {
  const sent = { ...headers, ...(token && { authorization: `Bearer ${token}` }), ...(json && { "content-type": "application/json" }) };
  const answer = await fetch(`${server.url}/api/v1${where}`, { method, headers: sent, body: json ? JSON.stringify(json) : body });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${where}: ${answer.status} ${text}`);
  return text === "" ? null : JSON.parse(text);
}

/** Asks until `look` answers something, and says what was seen last if it never does. */
export async function eventually(look, { withinMs = 60_000, everyMs = 200 } = {}) {
  const deadline = Date.now() + withinMs;
  let last;
  while (Date.now() < deadline) {
    last = await look();
    if (last) return last;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  throw new Error(`nothing came of it in ${withinMs} ms: ${look}`);
}

export async function ready(server, videoId) {
  return eventually(
    async () => {
      const video = await call(server, `/videos/${videoId}`);
      if (video.status === "failed") throw new Error(`the video failed: ${JSON.stringify(video.failure)}`);
      return video.status === "ready" && video;
    },
    { withinMs: 200_000 },
  );
}
