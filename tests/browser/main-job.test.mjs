/** The main job, end to end: one uploads a real clip, another watches it, and they talk about it live. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseClip, delayMs, keepPicture, launch, person, register, says, seesItMove, stepsOf, trailer } from "./people.mjs";
import { startServer } from "./server.mjs";
import { digestOfFile, storedDigest } from "./stored.mjs";

const title = "Big Buck Bunny, the trailer";
/** A whole cluster has the cores of this machine, which the browser and a transcode have too: there it only has to come. */
const patience = process.env.PLAYHOUSE_NODES ? 10 : 1;
const commentWithinMs = 1_000 * patience;
/** Counts travel at most once a second, so a like may wait that long before it goes. */
const likeWithinMs = 2_000 * patience;

test("two people upload, watch and talk about a real clip", async (t) => {
  const { server, browser } = await openHouse(t);
  const mirela = await person(browser, server, { colorScheme: "light" });
  const tobias = await person(browser, server, { colorScheme: "dark" });
  const both = [mirela, tobias];
  const step = stepsOf(t);

  await step("the first registers and uploads, and sees it become playable", async () => {
    await register(mirela, "mirela");
    await chooseClip(mirela, trailer, title);
    await mirela.page.getByRole("button", { name: "Start the upload" }).click();
    const watch = mirela.page.getByRole("link", { name: "Watch it now" });
    await watch.waitFor({ timeout: 90_000 });
    await keepPicture(mirela.page, "upload");
    await watch.click();
    await seesItMove(mirela);
  });

  await step("the second finds it on the home page and watches it", async () => {
    await register(tobias, "tobias");
    await tobias.page.getByRole("link", { name: title }).waitFor();
    await keepPicture(tobias.page, "home");
    await tobias.page.getByRole("link", { name: title }).click();
    await seesItMove(tobias);
  });

  await step("both see that two are watching", async () => {
    for (const { page } of both) await page.getByText("2 watching").waitFor();
  });

  await step("each sees the other's comment soon", async (sub) => {
    const appears = (text) => document.querySelector("section[aria-label=Comments]").innerText.includes(text);
    const pairs = [
      [mirela, tobias, "Doors are open, sit where you like."],
      [tobias, mirela, "The squirrel at 0:31 has my whole sympathy."],
    ];
    for (const [speaker, listener, text] of pairs) {
      const tookMs = await delayMs({ act: () => says(speaker, text), other: listener, appears, argument: text });
      sub.diagnostic(`a comment took ${tookMs} ms`);
      assert.ok(tookMs < commentWithinMs, `a comment took ${tookMs} ms`);
      await speaker.page.getByTestId("comment").filter({ hasText: text }).waitFor();
    }
  });

  await step("each sees the other's like", async (sub) => {
    const appears = (likes) => document.querySelector("[data-testid=like]").innerText.trim() === likes;
    for (const [liker, other, likes] of [[mirela, tobias, "1"], [tobias, mirela, "2"]]) {
      const act = () => liker.page.getByTestId("like").click();
      const tookMs = await delayMs({ act, other, appears, argument: likes });
      sub.diagnostic(`a like took ${tookMs} ms`);
      assert.ok(tookMs < likeWithinMs, `a like took ${tookMs} ms`);
    }
    for (const { page } of both) assert.equal(await page.getByTestId("like").getAttribute("aria-pressed"), "true");
  });

  await step("a time in a comment seeks", async () => {
    await mirela.page.getByRole("button", { name: "0:31", exact: true }).click();
    await mirela.page.waitForFunction(() => document.querySelector("video").currentTime >= 31);
  });

  await step("a lost line comes back without a gap", async () => {
    const words = "Did the lights just go out?";
    const comment = ({ page }) => page.getByTestId("comment").filter({ hasText: words });
    await tobias.line.cut();
    await says(mirela, words);
    await comment(mirela).waitFor();
    await tobias.page.getByText("Coming back…").waitFor();
    assert.equal(await comment(tobias).count(), 0);
    tobias.line.mend();
    await comment(tobias).waitFor({ timeout: 40_000 });
    const shown = await tobias.page.getByTestId("comment").count();
    assert.equal(shown, await mirela.page.getByTestId("comment").count());
  });

  await step("a deleted comment leaves both pages", async () => {
    const gone = mirela.page.getByTestId("comment").filter({ hasText: "Did the lights" });
    await gone.getByRole("button", { name: "Delete" }).click();
    for (const { page } of both) {
      await page.getByTestId("comment").filter({ hasText: "Did the lights" }).waitFor({ state: "detached" });
    }
  });

  await step("the player obeys the keyboard", async () => {
    const { page } = mirela;
    await page.locator("main").focus();
    await page.keyboard.press("k");
    await page.waitForFunction(() => document.querySelector("video").paused);
    await page.keyboard.press("0");
    await page.waitForFunction(() => document.querySelector("video").currentTime < 0.5);
    await page.keyboard.press("m");
    await page.waitForFunction(() => document.querySelector("video").muted);
    await page.keyboard.press("5");
    await page.waitForFunction(() => document.querySelector("video").currentTime > 20);
    await page.keyboard.press("m");
    await page.keyboard.press("k");
  });

  await step("the pages look as they should, and ask no foreign host", async () => {
    await seesItMove(mirela);
    await keepPicture(mirela.page, "watch-desktop-light");
    await keepPicture(tobias.page, "watch-desktop-dark");
    await tobias.page.setViewportSize({ width: 360, height: 740 });
    await keepPicture(tobias.page, "watch-360");
    const overflows = () => document.documentElement.scrollWidth > document.documentElement.clientWidth;
    assert.equal(await tobias.page.evaluate(overflows), false, "the page is wider than a 360 px screen");
    for (const { faults } of both) assert.deepEqual(faults, []);
  });
});

/** A server and a browser for one test, both closed after it whatever happens. */
async function openHouse(t) {
  const server = await startServer();
  t.after(() => server.stop());
  const browser = await launch();
  t.after(() => browser.close());
  return { server, browser };
}

test("an upload that was paused goes on after the page was loaded anew, and is whole", async (t) => {
  const { server, browser } = await openHouse(t);
  const lena = await person(browser, server, { colorScheme: "light" });
  const { page, context } = lena;
  await register(lena, "lena");
  const line = await context.newCDPSession(page);
  const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 700_000 };
  await line.send("Network.emulateNetworkConditions", slow);
  await chooseClip(lena, trailer, "Twice begun");
  await page.getByRole("button", { name: "Start the upload" }).click();
  const far = () => Number(document.querySelector("[role=progressbar]")?.getAttribute("aria-valuenow")) >= 25;
  await page.waitForFunction(far, null, { timeout: 30_000 });
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("Paused").waitFor();
  await page.reload();

  await page.getByText("Not finished yet").waitFor();
  await page.locator("input[type=file]").setInputFiles(trailer);
  assert.equal(await page.getByLabel("Title").inputValue(), "Twice begun");
  await line.send("Network.emulateNetworkConditions", { ...slow, uploadThroughput: -1 });
  const goesOn = page.waitForRequest((request) => request.method() === "PATCH");
  await page.getByRole("button", { name: "Resume the upload" }).click();
  assert.ok(Number((await goesOn).headers()["upload-offset"]) > 0, "it began again from nothing");
  const watch = page.getByRole("link", { name: "Watch it now" });
  await watch.waitFor({ timeout: 90_000 });
  const videoId = (await watch.getAttribute("href")).split("/").at(-1);
  assert.equal(await storedDigest(server, videoId), await digestOfFile(trailer));
  assert.deepEqual(lena.faults, []);
});
