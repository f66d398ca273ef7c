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
  const mirela = await person(browser, server, { colorScheme: "dark" });
  const tobias = await person(browser, server, { viewport: { width: 390, height: 844 }, hasTouch: true, colorScheme: "light" });
  let failure = null;
  const step = async (name, act) => {
    await t.test(name, (sub) => act(sub).catch((error) => Promise.reject((failure = error))));
    if (failure) throw failure;
  };

  await step("both come to watch", async () => {
    await register(mirela, "mirela");
    await chooseClip(mirela, trailer, title);
    await button(mirela.page, "Start the upload").click();
    const watch = mirela.page.getByRole("link", { name: "Watch it now" });
    await watch.waitFor({ timeout: 90_000 });
    await watch.click();
    await seesItMove(mirela);
    await register(tobias, "tobias");
    await tobias.page.goto(mirela.page.url());
    await seesItMove(tobias);
    await mirela.page.getByText("2 watching").waitFor();
    assert.equal(await tobias.page.getByTestId("moderator-bar").count(), 0, "a guest moderates nothing");
  });

  await step("a mention stands out and is told, an edit shows its new words", async () => {
    await says(tobias, "Hello @mirela, nice squirel");
    await comment(mirela, "nice squirel").locator("mark[data-own=true]").waitFor();
    await mirela.page.getByText("mentioned you").waitFor();
    await button(comment(tobias, "nice squirel"), "Edit").click();
    await tobias.page.getByRole("textbox", { name: "Edit your comment" }).fill("Hello @mirela, nice squirrel");
    await tobias.page.keyboard.press("Enter");
    await comment(mirela, "nice squirrel").waitFor();
    await comment(mirela, "edited").waitFor();
  });

  await step("a pinned comment stands on top for both, until it is unpinned", async () => {
    const moderate = comment(mirela, "nice squirrel").getByRole("button", { name: "Moderate the comment of tobias" });
    await moderate.focus();
    await mirela.page.keyboard.press("Enter");
    await button(comment(mirela, "nice squirrel"), "Pin").click();
    for (const { page } of [mirela, tobias]) await page.getByTestId("pinned").getByText("nice squirrel").waitFor();
    await keepPicture(mirela.page, "talk-moderator");
    await button(mirela.page.getByTestId("pinned"), "Unpin").click();
    await tobias.page.getByTestId("pinned").waitFor({ state: "detached" });
  });

  await step("a poll is asked, answered, and closed with its results", async () => {
    await button(mirela.page, "Ask a poll").click();
    await mirela.page.getByRole("textbox", { name: "Question" }).fill("Who is right?");
    await mirela.page.getByRole("textbox", { name: "Option 1" }).fill("The bunny");
    await mirela.page.getByRole("textbox", { name: "Option 2" }).fill("The squirrel");
    await button(mirela.page, "Ask").click();
    const card = tobias.page.getByTestId("poll");
    await card.getByRole("button", { name: "The squirrel" }).tap();
    await card.getByRole("button", { name: "The squirrel 100 %", pressed: true }).waitFor();
    await mirela.page.getByTestId("poll").getByText("1 vote").waitFor();
    await button(mirela.page.getByTestId("poll"), "Close the poll").click();
    await card.getByText("1 vote, closed").waitFor();
    await button(card, "Put away").click();
    await card.waitFor({ state: "detached" });
  });

  await step("what one throws rises over the other's picture", async () => {
    const risen = mirela.page.getByTestId("bursts").getByText("🎉").first().waitFor({ timeout: 10_000 });
    await tobias.page.getByRole("button", { name: "Throw 🎉" }).click();
    await risen;
  });

  await step("slow mode counts down, and not for who moderates", async () => {
    await mirela.page.getByLabel("Slow mode").selectOption("30");
    await tobias.page.getByText("Slow mode: one comment every 30 s.").waitFor();
    await says(tobias, "one and only");
    await comment(tobias, "one and only").waitFor();
    await tobias.page.getByRole("button", { name: /^Wait \d+ s$/ }).waitFor();
    await says(mirela, "I may");
    await says(mirela, "speak on");
    await comment(tobias, "speak on").waitFor();
    await keepPicture(tobias.page, "talk-phone");
    await mirela.page.getByLabel("Slow mode").selectOption("0");
    await tobias.page.getByTestId("hold").waitFor({ state: "detached" });
  });

  await step("what is pinned to a moment comes again when one gets there", async () => {
    await says(mirela, "seen at once");
    const { page } = tobias;
    await page.evaluate(() => {
      document.querySelector("video").pause();
      document.querySelector("video").currentTime = 20;
    });
    await page.waitForFunction(() => !document.querySelector("video").seeking);
    await page.getByRole("checkbox").check();
    await says(tobias, "look at this very moment");
    await comment(mirela, "look at this very moment").waitFor();
    await mirela.page.reload();
    await seesItMove(mirela);
    await mirela.page.evaluate(() => (document.querySelector("video").currentTime = 19));
    await mirela.page.getByTestId("moment").getByText("look at this very moment").waitFor();
  });

  await step("who is silenced hears of it and what they said is gone", async () => {
    const moderate = comment(mirela, "one and only").getByRole("button", { name: "Moderate the comment of tobias" });
    await moderate.click();
    await button(comment(mirela, "one and only"), "Silence a day, delete all").click();
    await tobias.page.getByText("A moderator has silenced you here").waitFor();
    for (const someone of [mirela, tobias]) await comment(someone, "one and only").waitFor({ state: "detached" });
    const overflows = () => document.documentElement.scrollWidth > document.documentElement.clientWidth;
    assert.equal(await tobias.page.evaluate(overflows), false, "the page is wider than the phone");
    for (const { faults } of [mirela, tobias]) assert.deepEqual(faults, []);
  });
});
