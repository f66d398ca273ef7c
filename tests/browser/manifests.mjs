/** What strict parsers say of the playlists and the manifest of a video, and whether all they name is there. */
import assert from "node:assert/strict";
import HLS from "hls-parser";
import { parse as parseMpd } from "mpd-parser";

/** hls-parser, strict: every playlist, and every segment it names. Answers with the sounds of the first variant. */
export async function readPlaylists(masterUrl, { qualities, seconds, sounds = 1 }) {
  HLS.setOptions({ strictMode: true });
  const master = HLS.parse(await textOf(masterUrl));
  assert.ok(master.isMasterPlaylist);
  assert.equal(master.variants.length, qualities);
  const renditions = master.variants.flatMap(({ audio }) => audio).filter(({ uri }) => uri);
  const uris = new Set([...master.variants, ...renditions].map(({ uri }) => uri));
  assert.equal(uris.size, qualities + sounds);
  const lengths = [];
  for (const uri of uris) {
    const url = new URL(uri, masterUrl);
    const playlist = HLS.parse(await textOf(url));
    assert.equal(playlist.playlistType, "VOD");
    assert.ok(playlist.endlist);
    const durations = playlist.segments.map(({ duration }) => duration);
    assert.ok(Math.ceil(Math.max(...durations)) <= playlist.targetDuration);
    lengths.push(durations.reduce((sum, duration) => sum + duration));
    for (const segment of playlist.segments) {
      await isThere(new URL(segment.uri, url));
      if (segment.map) await isThere(new URL(segment.map.uri, url));
    }
  }
  for (const length of lengths) assert.ok(Math.abs(length - seconds) < 0.5, `a playlist is ${length} s long`);
  return master.variants[0].audio.map(({ name, language, isDefault }) => ({ name, language, isDefault }));
}

/** mpd-parser: the manifest, and every segment it names. Answers with its sounds. */
export async function readManifest(url, { qualities, seconds, sounds: wanted = 1 }) {
  const warnings = [];
  const eventHandler = ({ type, message }) => type === "warn" && warnings.push(message);
  const manifest = parseMpd(await textOf(url), { manifestUri: url.href, eventHandler });
  assert.deepEqual(warnings, []);
  assert.equal(manifest.playlists.length, qualities);
  const group = Object.entries(manifest.mediaGroups.AUDIO.audio);
  const sounds = group.flatMap(([, { playlists }]) => playlists);
  assert.equal(sounds.length, wanted);
  for (const playlist of [...manifest.playlists, ...sounds]) {
    const length = playlist.segments.reduce((sum, { duration }) => sum + duration, 0);
    assert.ok(Math.abs(length - seconds) < 0.5, `a representation is ${length} s long`);
    for (const { resolvedUri, map } of playlist.segments) {
      await isThere(resolvedUri);
      await isThere(map.resolvedUri);
    }
  }
  return group.map(([name, { language, default: isDefault }]) => ({ name, language, isDefault }));
}

async function textOf(url) {
  const answer = await fetch(url);
  assert.equal(answer.status, 200, url);
  return answer.text();
}

async function isThere(url) {
  const answer = await fetch(url, { method: "HEAD" });
  assert.equal(answer.status, 200, url);
  assert.ok(Number(answer.headers.get("content-length")) > 0, url);
}
