/** Debian's Firefox, which Playwright cannot drive: Puppeteer does, over WebDriver BiDi. */
import puppeteer from "puppeteer-core";

export function launchFirefox() {
  return puppeteer.launch({
    browser: "firefox",
    executablePath: process.env.FIREFOX_BIN ?? "/usr/bin/firefox-esr",
    extraPrefsFirefox: { "media.autoplay.default": 0, "media.autoplay.blocking_policy": 0 },
    defaultViewport: { width: 1360, height: 860 },
  });
}
