/** A video in real browsers: the player of the page in Chromium and Firefox, and the stream without any player of ours. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { account, call, eventually, ready, upload } from "./api.mjs";
import { bilingualClip, shortClip, shortLadder, tones } from "./clips.mjs";
import { launchFirefox } from "./firefox.mjs";
import { readManifest, readPlaylists } from "./manifests.mjs";
import { keepPicture, launch, person, seesItMove, signIn, stepsOf, trailer } from "./people.mjs";
import { startServer } from "./server.mjs";

const startWithinMs = 1_000;
const description = "0:00 Morning\n0:12 The rabbit\n0:27 Three rodent pests\n0:44 Revenge";
const seconds = 12;

let server;
let browser;
let owner;
let clip;
let videoId;

before(async () => {
  server = await startServer(shortLadder);
  browser = await launch();
  owner = await account(server, "mirela");
  clip = shortClip(server.dataDir, seconds);
  videoId = await upload(server, owner, clip, { title: "A short one" });
  await ready(server, videoId);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A person until the test ends: a page that goes on playing would take its share of the machine from the tests after it. */
async function someone(t, at, options) {
  const viewer = await person(browser, at, options);
  t.after(() => viewer.context.close());
  return viewer;
}

const watch = ({ page, url }, id = videoId) => page.goto(`${url}/watch/${id}`);

test("Chromium with hls.js", async (t) => {
  const viewer = await someone(t, server, { colorScheme: "light" });
  const { page } = viewer;
  const step = stepsOf(t);

  await step("it plays within a second of the address being opened", async (sub) => {
    const tookMs = [];
    // Somebody else may have the machine for a moment, but not five times.
    for (let round = 0; round < 5; round += 1) {
      tookMs.push(Math.round(await firstPlayingMs(viewer)));
      if (tookMs.at(-1) <= startWithinMs && round > 0) break;
    }
    sub.diagnostic(`from navigation to playing: ${tookMs.join(", ")} ms`);
    assert.ok(Math.min(...tookMs) <= startWithinMs, `the best of ${tookMs.length} took ${Math.min(...tookMs)} ms`);
  });

  await step("a chosen quality plays, and automatic is named with what it plays", async () => {
    await watch(viewer);
    await seesItMove(viewer);
    await page.getByRole("button", { name: /^Quality: Auto \d+p$/ }).click();
    const names = await page.getByRole("menuitemradio").locator("span:nth-child(2)").allInnerTexts();
    assert.deepEqual(names, ["Auto", "480p", "360p"]);
    await page.getByRole("menuitemradio", { name: "360p" }).click();
    await page.waitForFunction(() => document.querySelector("video").videoHeight === 360);
    await seesItMove(viewer);
    await page.getByRole("button", { name: "Quality: 360p" }).waitFor();
  });

  await step("the time line seeks, and shows a picture of where it would", async () => {
    const bar = await page.getByRole("slider", { name: "Seek" }).boundingBox();
    const at = (share) => [bar.x + bar.width * share, bar.y + bar.height / 2];
    await page.mouse.move(...at(0.5));
    const tile = page.getByTestId("tile");
    const picture = await tile.evaluate((element) => getComputedStyle(element).backgroundImage.slice(5, -2));
    const answer = await page.request.get(picture);
    assert.equal(answer.headers()["content-type"], "image/jpeg");
    await page.mouse.click(...at(0.7));
    await page.waitForFunction((target) => document.querySelector("video").currentTime >= target, seconds * 0.69);
  });

  await step("it goes on where it was left, and starts over when asked", async () => {
    await page.evaluate(() => (document.querySelector("video").currentTime = 5.5));
    await page.waitForFunction(() => !document.querySelector("video").seeking && document.querySelector("video").currentTime > 5.6);
    await page.reload();
    await page.getByTestId("resumed").getByText("Resumed at 0:05").waitFor();
    await page.waitForFunction(() => document.querySelector("video").currentTime >= 5);
    await page.getByRole("button", { name: "Start over" }).click();
    await page.waitForFunction(() => document.querySelector("video").currentTime < 2);
  });

  await step("loop, and the help with every key", async () => {
    await page.getByRole("button", { name: "Loop" }).click();
    assert.equal(await page.evaluate(() => document.querySelector("video").loop), true);
    await page.keyboard.press("r");
    assert.equal(await page.evaluate(() => document.querySelector("video").loop), false);
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard shortcuts" }).getByText("Picture in picture").waitFor();
    await page.keyboard.press("Escape");
  });

  assert.deepEqual(viewer.faults, []);
});

test("a broken line is told and mends itself; what is gone is told too", async (t) => {
  const viewer = await someone(t, server, { colorScheme: "dark", viewport: { width: 390, height: 844 } });
  const { page } = viewer;
  const later = /seg0000[2-9]\./;
  await page.route(later, (route) => route.abort());
  await watch(viewer);
  await page.getByTestId("fault").getByText("The video stopped arriving").waitFor({ timeout: 30_000 });
  await keepPicture(page, "player-fault-phone");
  await page.unroute(later);
  await page.getByTestId("fault").waitFor({ state: "detached" });
  await seesItMove(viewer);

  await page.route(/\.m4s/, (route) => route.fulfill({ status: 404, body: "" }));
  await page.reload();
  await page.getByTestId("fault").getByText("A part of this video is missing").waitFor({ timeout: 30_000 });
  await page.unroute(/\.m4s/);
  await page.getByTestId("fault").getByRole("button", { name: "Try again" }).click();
  await seesItMove(viewer);
  assert.deepEqual(viewer.faults, []);
});

test("strict parsers read the playlists and the manifest, and all they name is there", async () => {
  const { hls, dash } = await call(server, `/videos/${videoId}/playback`);
  await readPlaylists(new URL(hls, server.url), { qualities: 2, seconds });
  await readManifest(new URL(dash, server.url), { qualities: 2, seconds });
});

test("Chromium's own HLS plays the master playlist", async (t) => {
  const { page } = await someone(t, server, {});
  const { hls } = await call(server, `/videos/${videoId}/playback`);
  await page.goto(`${server.url}/reference`);
  await page.evaluate((src) => {
    document.body.innerHTML = "<video muted autoplay>";
    document.querySelector("video").src = src;
  }, hls);
  await seesItMove({ page });
  const { width, seekable } = await page.evaluate(() => {
    const video = document.querySelector("video");
    return { width: video.videoWidth, seekable: video.seekable.end(0) };
  });
  assert.ok(width > 0);
  assert.ok(Math.abs(seekable - seconds) < 1, `it is ${seekable} s long`);
});

test("Firefox with hls.js plays, switches and seeks", async () => {
  const firefox = await launchFirefox();
  try {
    const page = await firefox.newPage();
    await page.goto(`${server.url}/watch/${videoId}`);
    const moves = (from) => document.querySelector("video")?.currentTime > from;
    await page.waitForFunction(moves, { timeout: 30_000 }, 0.5);
    await page.click("button[title=Quality]");
    await page.locator("[role=menuitemradio]:last-child").click();
    await page.waitForFunction(() => document.querySelector("video").videoHeight === 360, { timeout: 20_000 });
    await page.evaluate(() => (document.querySelector("video").currentTime = 7));
    await page.waitForFunction(moves, { timeout: 15_000 }, 7.5);
  } finally {
    await firefox.close();
  }
});

test("a video in two languages: parsers see both, the menu switches, and the choice is remembered", async (t) => {
  const long = 8;
  const id = await upload(server, owner, bilingualClip(server.dataDir, long), { title: "In two languages" });
  t.after(() => call(server, `/videos/${id}`, { method: "DELETE", token: owner.token }));
  await ready(server, id);
  const { hls, dash } = await call(server, `/videos/${id}/playback`);
  const expected = [
    { name: "Deutsch", language: "de", isDefault: true },
    { name: "English", language: "en", isDefault: false },
  ];
  const scope = { qualities: 1, seconds: long, sounds: 2 };
  assert.deepEqual(await readPlaylists(new URL(hls, server.url), scope), expected);
  assert.deepEqual(await readManifest(new URL(dash, server.url), scope), expected);

  const viewer = await someone(t, server, { colorScheme: "dark" });
  const { page } = viewer;
  await page.addInitScript(listen);
  await watch(viewer, id);
  await seesItMove(viewer);
  await hears(page, tones[0].hz);
  await page.getByRole("button", { name: "Audio", exact: true }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("menuitemradio", { name: "Deutsch", checked: true }).waitFor();
  await keepPicture(page, "player-audio");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await hears(page, tones[1].hz);
  await page.reload();
  await seesItMove(viewer);
  await hears(page, tones[1].hz);
  await page.getByRole("button", { name: "Audio", exact: true }).click();
  await page.getByRole("menuitemradio", { name: "English", checked: true }).waitFor();
  assert.deepEqual(viewer.faults, []);
});

for (const codec of ["av1", "vp9"]) {
  test(`a video in h264 and ${codec}: each quality is there once, and the lighter one plays`, async (t) => {
    const two = await startServer({ ...shortLadder, PLAYHOUSE__MEDIA__CODECS: `h264,${codec}` });
    t.after(() => two.stop());
    const maker = await account(two, "mirela");
    const long = 8;
    const id = await upload(two, maker, bilingualClip(two.dataDir, long), { title: "In two codecs" });
    await ready(two, id);
    const { hls, dash } = await call(two, `/videos/${id}/playback`);
    const scope = { qualities: 2, seconds: long, sounds: 2 };
    await readPlaylists(new URL(hls, two.url), scope);
    await readManifest(new URL(dash, two.url), scope);

    const viewer = await someone(t, two, { colorScheme: "light" });
    const { page } = viewer;
    const asked = [];
    page.on("request", (request) => asked.push(request.url()));
    await watch(viewer, id);
    await seesItMove(viewer);
    await page.getByRole("button", { name: /^Quality: Auto/ }).click();
    const names = await page.getByRole("menuitemradio").locator("span:nth-child(2)").allInnerTexts();
    assert.deepEqual(names, ["Auto", "360p"]);
    await page.getByRole("menuitemradio", { name: /^360p/ }).click();
    await seesItMove(viewer);
    await eventually(() => asked.some((url) => new RegExp(`v360${codec}\\w*/seg`).test(url)));
    await seesItMove(viewer);
    assert.deepEqual(viewer.faults, []);
  });
}

test("captions, chapters and the picture that stands for a video", async (t) => {
  const id = await upload(server, owner, trailer, { title: "With chapters", description });
  t.after(() => call(server, `/videos/${id}`, { method: "DELETE", token: owner.token }));
  const { chapters } = await call(server, `/videos/${id}`);
  if (!chapters) {
    t.skip("this server has no chapters and captions");
    return;
  }
  const viewer = await someone(t, server, { colorScheme: "dark" });
  const { page } = viewer;
  await signIn(viewer, owner.username);
  await watch(viewer, id);
  await seesItMove(viewer);
  await page.getByTestId("chapter-mark").nth(2).waitFor({ state: "attached" });
  assert.equal(await page.getByTestId("chapter-mark").count(), 3);
  await page.getByRole("button", { name: "Chapter: Morning" }).click();
  await page.getByRole("menuitemradio", { name: "Three rodent pests" }).click();
  await page.waitForFunction(() => document.querySelector("video").currentTime >= 27);
  await page.getByRole("button", { name: "Chapter: Three rodent pests" }).waitFor();
  await page.getByText("Captions", { exact: true }).click();
  const form = page.getByRole("form", { name: "Add captions" });
  await form.getByLabel("Language").fill("de");
  const buffer = Buffer.from("1\n00:00:00,000 --> 00:00:50,000\nEin schöner Morgen.\n");
  await form.getByLabel("File").setInputFiles({ name: "deutsch.srt", mimeType: "application/x-subrip", buffer });
  await form.getByRole("button", { name: "Add captions" }).click();
  await page.getByTestId("caption-track").getByText("Deutsch").waitFor();
  await page.getByRole("button", { name: "Captions", exact: true }).click();
  await page.getByRole("menuitemradio", { name: "Deutsch" }).click();
  await page.getByTestId("captions").getByText("Ein schöner Morgen.").waitFor();
  await page.reload();
  await page.getByTestId("captions").getByText("Ein schöner Morgen.").waitFor();
  await keepPicture(page, "player-captions");
  await ready(server, id);
  const pictures = page.getByRole("group", { name: "Pictures from the video" });
  await page.getByText("Picture", { exact: true }).click();
  await pictures.getByRole("button").last().click();
  await page.waitForFunction(() => document.querySelector("[aria-label='Pictures from the video']").lastChild.ariaPressed === "true");
  assert.deepEqual(viewer.faults, []);
});

test("an owner stops the making of a video and has it tried again", async (t) => {
  const viewer = await someone(t, server, { colorScheme: "light" });
  const { page } = viewer;
  await signIn(viewer, owner.username);
  const long = await upload(server, owner, trailer, { title: "A longer one" });
  await watch(viewer, long);
  const job = page.getByTestId("job");
  await job.getByRole("button", { name: "Stop it" }).click();
  await job.getByText("It was stopped.").waitFor();
  await page.getByText("This video is not being made").waitFor();
  await job.getByText(/^What happened/).click();
  await keepPicture(page, "job-stopped");
  await job.getByRole("button", { name: "Try again" }).click();
  await job.getByRole("button", { name: "Stop it" }).waitFor();
  await call(server, `/videos/${long}`, { method: "DELETE", token: owner.token });
  await eventually(async () => (await fetch(`${server.url}/api/v1/videos/${long}`)).status === 404);
  assert.deepEqual(viewer.faults, []);
});

test("an owner puts another file in the place of a video's by the keyboard, and a broken one changes nothing", async (t) => {
  const id = await upload(server, owner, clip, { title: "To be replaced" });
  t.after(() => call(server, `/videos/${id}`, { method: "DELETE", token: owner.token }));
  await ready(server, id);
  const viewer = await someone(t, server, { colorScheme: "dark" });
  const { page } = viewer;
  await signIn(viewer, owner.username);
  await watch(viewer, id);
  await seesItMove(viewer);
  await page.locator("summary", { hasText: /^File$/ }).press("Enter");
  const replaceBy = async (file) => {
    const choosing = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: "Replace the file" }).press("Enter");
    await (await choosing).setFiles(file);
    const dialog = page.getByRole("dialog", { name: "Replace the file?" });
    await dialog.getByRole("button", { name: "Replace it" }).press("Enter");
  };
  await replaceBy({ name: "broken.mp4", mimeType: "video/mp4", buffer: Buffer.alloc(50_000, 7) });
  await page.getByText("The new file was not taken, and the old one stays.").waitFor();
  await keepPicture(page, "replace-refused");
  assert.ok((await page.evaluate(() => document.querySelector("video").duration)) < seconds + 1);
  await replaceBy(trailer);
  // The player takes the new file up by itself.
  await page.waitForFunction((longer) => document.querySelector("video")?.duration > longer, seconds + 2, { timeout: 90_000 });
  await seesItMove(viewer);
  await keepPicture(page, "replaced");
  assert.deepEqual(viewer.faults, []);
});

/** Lets a test hear which tone is loudest in the page's video. */
function listen() {
  window.loudestHz = () => {
    const video = document.querySelector("video");
    video.loop = true;
    if (!window.ear) {
      const context = new AudioContext();
      window.ear = context.createAnalyser();
      window.ear.fftSize = 4096;
      context.createMediaElementSource(video).connect(window.ear);
    }
    const levels = new Float32Array(window.ear.frequencyBinCount);
    window.ear.getFloatFrequencyData(levels);
    return (levels.indexOf(Math.max(...levels)) * window.ear.context.sampleRate) / window.ear.fftSize;
  };
}

const hears = (page, hz) => page.waitForFunction((hz) => Math.abs(window.loudestHz() - hz) < 30, hz);

/** In a context of its own, where nothing is cached. */
async function firstPlayingMs({ url }) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 } });
  await context.addInitScript(() => {
    document.addEventListener("playing", () => (window.playingMs ??= performance.now()), true);
  });
  const page = await context.newPage();
  await page.goto(`${url}/watch/${videoId}`);
  await page.waitForFunction(() => window.playingMs);
  const tookMs = await page.evaluate(() => window.playingMs);
  await context.close();
  return tookMs;
}

test("a video is found by its words, by the keyboard and on a phone", async (t) => {
  const id = await upload(server, owner, clip, { title: "Giraffes at dawn" });
  t.after(() => call(server, `/videos/${id}`, { method: "DELETE", token: owner.token }));
  await ready(server, id);
  await eventually(async () => (await call(server, "/search?q=dawn+giraffes")).items.length > 0);
  for (const viewport of [{ width: 1360, height: 860 }, { width: 390, height: 780 }]) {
    const viewer = await someone(t, server, { colorScheme: "light", viewport });
    const { page } = viewer;
    await page.goto(server.url);
    const box = page.getByRole("searchbox", { name: "Search videos" });
    assert((await box.boundingBox()).width > 70, "there is room for words");
    await box.focus();
    await page.keyboard.type("dawn giraffes");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Results for “dawn giraffes”" }).waitFor();
    await page.getByRole("link", { name: "Giraffes at dawn" }).first().waitFor();
    await page.getByLabel("Sort by").selectOption("Newest");
    await page.waitForURL(/sort=date/);
    await page.getByRole("link", { name: "Giraffes at dawn" }).first().waitFor();
    assert.deepEqual(viewer.faults, []);
  }
});
