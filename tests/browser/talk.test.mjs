/** The talk on a page: rules, pins, polls, bursts, edits and moderation, between an owner and a guest of hers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseClip, keepPicture, launch, person, register, says, seesItMove, trailer } from "./people.mjs";
import { startServer } from "./server.mjs";

const title = "A trailer to talk about";
const comment = ({ page }, text) => page.getByTestId("comment").filter({ hasText: text });
const button = (place, name) => place.getByRole("button", { name, exact: true });

test("an owner moderates the talk about her video", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const browser = await launch();
  t.after(() => browser.close());
  const mirjam = await person(browser, server, { colorScheme: "dark" });
  const tomasz = await person(browser, server, { viewport: { width: 390, height: 844 }, hasTouch: true, colorScheme: "light" });
  let failure = null;
  const step = async (name, act) => {
    await t.test(name, (sub) => act(sub).catch((error) => Promise.reject((failure = error))));
    if (failure) throw failure;
  };

  await step("both come to watch", async () => {
    await register(mirjam, "mirjam");
    await chooseClip(mirjam, trailer, title);
    await button(mirjam.page, "Start the upload").click();
    const watch = mirjam.page.getByRole("link", { name: "Watch it now" });
    await watch.waitFor({ timeout: 90_000 });
    await watch.click();
    await seesItMove(mirjam);
    await register(tomasz, "tomasz");
    await tomasz.page.goto(mirjam.page.url());
    await seesItMove(tomasz);
    await mirjam.page.getByText("2 watching").waitFor();
    assert.equal(await tomasz.page.getByTestId("moderator-bar").count(), 0, "a guest moderates nothing");
  });

  await step("a mention stands out and is told, an edit shows its new words", async () => {
    await says(tomasz, "Hello @mirjam, nice squirel");
    await comment(mirjam, "nice squirel").locator("mark[data-own=true]").waitFor();
    await mirjam.page.getByText("mentioned you").waitFor();
    await button(comment(tomasz, "nice squirel"), "Edit").click();
    await tomasz.page.getByRole("textbox", { name: "Edit your comment" }).fill("Hello @mirjam, nice squirrel");
    await tomasz.page.keyboard.press("Enter");
    await comment(mirjam, "nice squirrel").waitFor();
    await comment(mirjam, "edited").waitFor();
  });

  await step("a pinned comment stands on top for both, until it is unpinned", async () => {
    const moderate = comment(mirjam, "nice squirrel").getByRole("button", { name: "Moderate the comment of tomasz" });
    await moderate.focus();
    await mirjam.page.keyboard.press("Enter");
    await button(comment(mirjam, "nice squirrel"), "Pin").click();
    for (const { page } of [mirjam, tomasz]) await page.getByTestId("pinned").getByText("nice squirrel").waitFor();
    await keepPicture(mirjam.page, "talk-moderator");
    await button(mirjam.page.getByTestId("pinned"), "Unpin").click();
    await tomasz.page.getByTestId("pinned").waitFor({ state: "detached" });
  });

  await step("a poll is asked, answered, and closed with its results", async () => {
    await button(mirjam.page, "Ask a poll").click();
    await mirjam.page.getByRole("textbox", { name: "Question" }).fill("Who is right?");
    await mirjam.page.getByRole("textbox", { name: "Option 1" }).fill("The bunny");
    await mirjam.page.getByRole("textbox", { name: "Option 2" }).fill("The squirrel");
    await button(mirjam.page, "Ask").click();
    const card = tomasz.page.getByTestId("poll");
    await card.getByRole("button", { name: "The squirrel" }).tap();
    await card.getByRole("button", { name: "The squirrel 100 %", pressed: true }).waitFor();
    await mirjam.page.getByTestId("poll").getByText("1 vote").waitFor();
    await button(mirjam.page.getByTestId("poll"), "Close the poll").click();
    await card.getByText("1 vote, closed").waitFor();
    await button(card, "Put away").click();
    await card.waitFor({ state: "detached" });
  });

  await step("what one throws rises over the other's picture", async () => {
    const risen = mirjam.page.getByTestId("bursts").getByText("🎉").first().waitFor({ timeout: 10_000 });
    await tomasz.page.getByRole("button", { name: "Throw 🎉" }).click();
    await risen;
  });

  await step("slow mode counts down, and not for who moderates", async () => {
    await mirjam.page.getByLabel("Slow mode").selectOption("30");
    await tomasz.page.getByText("Slow mode: one comment every 30 s.").waitFor();
    await says(tomasz, "one and only");
    await comment(tomasz, "one and only").waitFor();
    await tomasz.page.getByRole("button", { name: /^Wait \d+ s$/ }).waitFor();
    await says(mirjam, "I may");
    await says(mirjam, "speak on");
    await comment(tomasz, "speak on").waitFor();
    await keepPicture(tomasz.page, "talk-phone");
    await mirjam.page.getByLabel("Slow mode").selectOption("0");
    await tomasz.page.getByTestId("hold").waitFor({ state: "detached" });
  });

  await step("what is pinned to a moment comes again when one gets there", async () => {
    await says(mirjam, "seen at once");
    const { page } = tomasz;
    await page.evaluate(() => {
      document.querySelector("video").pause();
      document.querySelector("video").currentTime = 20;
    });
    await page.waitForFunction(() => !document.querySelector("video").seeking);
    await page.getByRole("checkbox").check();
    await says(tomasz, "look at this very moment");
    await comment(mirjam, "look at this very moment").waitFor();
    await mirjam.page.reload();
    await seesItMove(mirjam);
    await mirjam.page.evaluate(() => (document.querySelector("video").currentTime = 19));
    await mirjam.page.getByTestId("moment").getByText("look at this very moment").waitFor();
  });

  await step("who is silenced hears of it and what they said is gone", async () => {
    const moderate = comment(mirjam, "one and only").getByRole("button", { name: "Moderate the comment of tomasz" });
    await moderate.click();
    await button(comment(mirjam, "one and only"), "Silence a day, delete all").click();
    await tomasz.page.getByText("A moderator has silenced you here").waitFor();
    for (const someone of [mirjam, tomasz]) await comment(someone, "one and only").waitFor({ state: "detached" });
    const overflows = () => document.documentElement.scrollWidth > document.documentElement.clientWidth;
    assert.equal(await tomasz.page.evaluate(overflows), false, "the page is wider than the phone");
    for (const { faults } of [mirjam, tomasz]) assert.deepEqual(faults, []);
  });
});
