/** People with a browser each: what they do on the page, in the words of the page. */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { password } from "./api.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const clips = process.env.PLAYHOUSE_CLIPS ?? path.join(root, ".cache/clips");
const results = path.join(root, "web/test-results");
const playableWithinMs = 60_000;

export const trailer = path.join(clips, "trailer_bbb.mp4");

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM_BIN ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--autoplay-policy=no-user-gesture-required",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** A person with a browser context of their own. `faults` gathers what a page must never do. */
export async function person(browser, server, options) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, ...options });
  const line = await liveLine(context);
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(`broke: ${error.stack}`));
  page.on("console", (message) => {
    if (/Content Security Policy|Minified React error/.test(message.text())) faults.push(message.text());
  });
  page.on("request", (request) => {
    const own = request.url().startsWith(server.url) || /^(blob|data):/.test(request.url());
    if (!own) faults.push(`asked a foreign host: ${request.url()}`);
  });
  return { context, page, faults, line, url: server.url };
}

/** The person's live line: `cut` breaks it and keeps it broken until `mend`. Everything else on the page still works. */
async function liveLine(context) {
  const open = new Set();
  let broken = false;
  await context.routeWebSocket(/\/api\/v1\/ws$/, (socket) => {
    if (broken) {
      socket.close({ code: 4000 });
      return;
    }
    socket.connectToServer();
    open.add(socket);
  });
  return {
    async cut() {
      broken = true;
      for (const socket of open) await socket.close({ code: 4000 });
      open.clear();
    },
    mend() {
      broken = false;
    },
  };
}

export async function register({ page, url }, name) {
  await page.goto(`${url}/register`);
  await page.getByLabel("User name").fill(name);
  await page.getByLabel("E-mail").fill(`${name}@example.org`);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Make the account" }).click();
  await page.getByRole("button", { name: `Account of ${name}` }).waitFor();
}

/** Signs in who was registered over REST. */
export async function signIn({ page, url }, name) {
  await page.goto(`${url}/sign-in`);
  await page.getByLabel("User name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: `Account of ${name}` }).waitFor();
}

export async function chooseClip({ page, url }, file, title) {
  await page.goto(`${url}/upload`);
  await page.locator("input[type=file]").setInputFiles(file);
  await page.getByLabel("Title").fill(title);
  await page.getByLabel("Description").fill("It gets lively at 0:27.");
  await page.getByLabel("Tags").fill("animation, short film");
}

/** Steps stand on one another: after one that failed the rest would only wait. */
export function stepsOf(t) {
  return async (name, act) => {
    let failure = null;
    await t.test(name, (sub) => act(sub).catch((error) => Promise.reject((failure = error))));
    if (failure) throw failure;
  };
}

/** Waits until the picture moves, and on until it has moved by a second. */
export async function seesItMove({ page }) {
  const playing = () => document.querySelector("video")?.currentTime > 0.2;
  await page.waitForFunction(playing, null, { timeout: playableWithinMs });
  const before = await page.evaluate(() => document.querySelector("video").currentTime);
  const moved = (from) => document.querySelector("video").currentTime > from + 1;
  await page.waitForFunction(moved, before, { timeout: 20_000 });
}

export async function says({ page }, text) {
  await page.getByRole("textbox", { name: "Write a comment" }).fill(text);
  await page.keyboard.press("Enter");
}

/**
 * How long it takes from `act` by one person until `appears` (a function that runs in the page) holds for another.
 * Both clocks are this machine's.
 */
export async function delayMs({ act, other, appears, argument }) {
  const seen = other.page.evaluate(
    ([source, value]) =>
      new Promise((resolve) => {
        const holds = new Function(`return (${source})`)();
        const look = () => {
          if (!holds(value)) return;
          watcher.disconnect();
          resolve(Date.now());
        };
        const watcher = new MutationObserver(look);
        watcher.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
        look();
      }),
    [appears.toString(), argument],
  );
  const from = Date.now();
  await act();
  return (await seen) - from;
}

export async function keepPicture(page, name) {
  mkdirSync(results, { recursive: true });
  await page.screenshot({ path: path.join(results, `${name}.png`) });
}
