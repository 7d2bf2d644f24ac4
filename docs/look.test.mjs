/*
 * Looks at the built site in a browser, on a wide screen and on a telephone. `SCREENSHOTS=folder` saves screenshots
 * there. `BROWSER` names a browser of the Chromium family that is not found automatically, and `REQUIRE_BROWSER=1`
 * fails if there is none.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { serve } from "vitepress";

const { BROWSER, DOCS_BASE: base = "/", REQUIRE_BROWSER = "", SCREENSHOTS } = process.env;
const places = ["chromium", "chromium-browser", "google-chrome"].map((name) => `/usr/bin/${name}`);
const executablePath = BROWSER ?? places.find(existsSync);
const skip = executablePath === undefined && REQUIRE_BROWSER === "" && "no browser was found";

const pages = {
  front: "",
  session: "guide/first-session.html",
  tables: "guide/errors.html",
  migration: "guide/from-c.html",
  class: "reference/cryptodev/classes/Device.html",
  names: "reference/cryptodev/type-aliases/CipherName.html",
};
const screens = { wide: { width: 1280, height: 900 }, narrow: { width: 390, height: 844 } };

let app;
let browser;
let origin;

/** Opens a page of the site, and collects its errors. */
async function visit(path, viewport) {
  const page = await browser.newPage({ viewport });
  const faults = [];
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("requestfailed", (request) => faults.push(`failed: ${request.url()}`));
  page.on("request", (request) => request.url().startsWith(origin) || faults.push(`elsewhere: ${request.url()}`));
  await page.goto(`${origin}${base}${path}`, { waitUntil: "networkidle" });
  return { page, faults };
}

async function keep(page, name) {
  if (SCREENSHOTS !== undefined) await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
}

describe("the site", { skip }, () => {
  before(async () => {
    app = await serve({ root: fileURLToPath(new URL(".", import.meta.url)), port: 0 });
    origin = `http://localhost:${app.server.address().port}`;
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  });
  after(async () => {
    await browser?.close();
    app?.server.close();
  });

  for (const [screen, viewport] of Object.entries(screens)) {
    for (const [name, path] of Object.entries(pages)) {
      test(`${path || "the front page"} fits a ${screen} screen, without errors`, async () => {
        const { page, faults } = await visit(path, viewport);
        await keep(page, `${name}-${screen}`);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.deepEqual({ faults, overflow: Math.max(0, overflow) }, { faults: [], overflow: 0 });
        await page.close();
      });
    }

    test(`the search box finds an algorithm, on a ${screen} screen`, async () => {
      const { page, faults } = await visit("", viewport);
      await page.locator("#local-search button").click();
      await page.locator(".search-input").fill("aes-gcm");
      const results = page.locator(".result");
      await results.first().waitFor();
      await keep(page, `search-${screen}`);
      assert.match((await results.allTextContents()).join("\n"), /gcm/i);
      await results.first().click();
      await page.locator(".vp-doc h1").waitFor();
      await keep(page, `found-${screen}`);
      assert.match(await page.locator(".vp-doc").textContent(), /gcm/i);
      assert.deepEqual(faults, []);
      await page.close();
    });
  }
});
