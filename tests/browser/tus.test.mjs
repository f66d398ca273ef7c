/**
 * tus-js-client against the real server, over a line that breaks at random bytes: what arrives is what was sent.
 * FAULT_SEED repeats a run.
 */
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import { Upload } from "tus-js-client";
import { account } from "./api.mjs";
import { randomFrom, startFaultProxy } from "./fault-proxy.mjs";
import { startServer } from "./server.mjs";
import { digestOf, storedDigest } from "./stored.mjs";

const seed = Number(process.env.FAULT_SEED ?? Date.now() % 1_000_000);
const mebibyte = 2 ** 20;
const retryDelays = Array.from({ length: 40 }, (_, index) => Math.min(20 * index, 500));

let server;
let owner;
let speaksDraft;

before(async () => {
  server = await startServer();
  owner = await account(server, "noor");
  const offer = await fetch(`${server.url}/api/v1/uploads`, { method: "OPTIONS" });
  speaksDraft = offer.headers.has("upload-limit");
});

after(() => server?.stop());

test("64 MiB over a line that is cut six times", (t) => arrivesWhole(t, { bytes: 64 * mebibyte, cuts: 6 }));

test("three parts at a time, over a line that is cut five times", (t) =>
  arrivesWhole(t, { bytes: 48 * mebibyte, cuts: 5, options: { parallelUploads: 3 } }));

test("a length said last, over a line that is cut three times", (t) =>
  arrivesWhole(t, {
    bytes: 24 * mebibyte,
    cuts: 3,
    streamed: true,
    options: { uploadLengthDeferred: true, chunkSize: 5 * mebibyte },
  }));

for (const protocol of ["ietf-draft-05", "ietf-draft-03"]) {
  test(`${protocol}, over a line that is cut four times`, (t) => {
    if (!speaksDraft) {
      t.skip("this server does not speak the IETF draft");
      return undefined;
    }
    return arrivesWhole(t, { bytes: 32 * mebibyte, cuts: 4, options: { protocol } });
  });
}

async function arrivesWhole(t, { bytes, cuts, streamed = false, options = {} }) {
  // So that every cut comes, whatever the seed.
  const bytesMax = Math.min(bytes / cuts / (options.parallelUploads ?? 1), options.chunkSize ?? Infinity);
  t.diagnostic(`FAULT_SEED=${seed}`);
  const content = noise(bytes, seed);
  const proxy = await startFaultProxy(new URL(server.url), { seed, cuts, bytesMax });
  t.after(() => proxy.stop());
  const { videoId, begunAt } = await sent(streamed ? Readable.from(pieces(content)) : content, proxy, options);
  t.diagnostic(`${proxy.bytesPassed() - bytes} bytes were sent twice`);
  for (const [url, from] of begunAt) {
    assert.deepEqual(from, from.toSorted((a, b) => a - b), `${url} went back`);
  }
  assert.ok([...begunAt.values()].some((from) => from.length > 1 && from.at(-1) > 0), "nothing went on where it was cut");
  assert.equal(proxy.cutsMade(), cuts, "the line was not cut often enough to say anything");
  assert.equal(await storedDigest(server, videoId), digestOf(content));
}

/** Resolves with the id of the video that the upload became, and the offsets at which each address was written to. */
function sent(source, proxy, options) {
  return new Promise((resolve, reject) => {
    let videoId;
    const begunAt = new Map();
    new Upload(source, {
      endpoint: `${proxy.url}/api/v1/uploads`,
      headers: { Authorization: `Bearer ${owner.token}` },
      metadata: { filename: "noise.mp4", filetype: "video/mp4", title: "Noise", visibility: "private" },
      retryDelays,
      ...options,
      onBeforeRequest: (request) => {
        if (request.getMethod() !== "PATCH") return;
        const before = begunAt.get(request.getURL()) ?? [];
        begunAt.set(request.getURL(), [...before, Number(request.getHeader("Upload-Offset"))]);
      },
      onAfterResponse: (_request, response) => {
        videoId = response.getHeader("Playhouse-Video-Id") ?? videoId;
      },
      onError: reject,
      onSuccess: () => (videoId ? resolve({ videoId, begunAt }) : reject(new Error("no answer named the video"))),
    }).start();
  });
}

function noise(bytes, from) {
  const random = randomFrom(from);
  const words = new Uint32Array(bytes / 4);
  for (let index = 0; index < words.length; index += 1) words[index] = random() * 2 ** 32;
  return Buffer.from(words.buffer);
}

function* pieces(content) {
  for (let at = 0; at < content.length; at += 65_536) yield content.subarray(at, at + 65_536);
}
