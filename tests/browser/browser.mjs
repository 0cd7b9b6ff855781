// Debian's Chromium as an agent in the Haut-Languedoc sees it, and the two checks that every page gets:
// accessibility (axe-core) and a picture for people to look at.
//
// Reaches only what a test gives it on 127.0.0.1; Chromium's own calls home are switched off.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

/** Where pictures and papers are kept for people to look at. */
export const artefacts = fileURLToPath(new URL("../artefacts/", import.meta.url));
const axeSource = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The standard that the pages promise: WCAG 2.1 AA, which RGAA follows, and axe's own good practice. */
const accessibilityTags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"];

/** Starts Chromium. Close it in an `after` hook. */
export function launch() {
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    // Date fields in the order of the country, where chromium-l10n is installed.
    env: { ...process.env, LANGUAGE: "fr_FR" },
    args: [
      "--no-sandbox", // continuous integration runs as root
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/**
 * Opens a page of its own session (own cookies), in French, at Paris time, as wide as a 10-inch tablet.
 *
 * The page keeps what went wrong in it: `expectNoErrors` below reads it.
 */
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({
    locale: "fr-FR",
    timezoneId: "Europe/Paris",
    viewport: { width: 1280, height: 800 },
    reducedMotion: "reduce",
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.wrong = [];
  page.on("pageerror", (error) => page.wrong.push({ text: `script: ${error.message}` }));
  page.on("console", (message) => {
    // Among them every breach of the content security policy and every missing resource.
    if (message.type() === "error") page.wrong.push({ text: message.text(), url: message.location().url });
  });
  return page;
}

/** Goes to `url` and demands that the answer is the expected one (200 unless said otherwise). */
export async function visit(page, url, status = 200) {
  const response = await page.goto(url, { waitUntil: "load" });
  assert.equal(response.status(), status, `GET ${url}`);
  return response;
}

/** Fails when a script threw, a resource was missing or the content security policy was broken since the last call. */
export function expectNoErrors(page) {
  // The status of the page itself is what `visit` checks; 422 is a form that comes back with what is to be corrected.
  const wanted = ({ text, url }) =>
    text.startsWith("Failed to load resource") && (url === page.url() || text.includes("status of 422"));
  const wrong = page.wrong.splice(0).filter((entry) => !wanted(entry));
  assert.deepEqual(wrong, [], `errors on ${page.url()}`);
}

/** Fails with a list of the violations that axe-core finds on the page as it stands. `name` is for the message. */
export async function checkAccessibility(page, name) {
  // Evaluated by the debugger, which the page's content security policy does not bind.
  await page.evaluate(axeSource);
  const violations = await page.evaluate(async (tags) => {
    const result = await window.axe.run(document, { runOnly: { type: "tag", values: tags } });
    return result.violations.map((violation) => ({
      rule: violation.id,
      help: violation.help,
      where: violation.nodes.map((node) => `${node.target.join(" ")}: ${node.html}`),
    }));
  }, accessibilityTags);
  const lines = violations.map((v) => `${v.rule}: ${v.help}\n    ${v.where.join("\n    ")}`);
  assert.equal(lines.length, 0, `accessibility of « ${name} »:\n  ${lines.join("\n  ")}`);
}

/** Keeps a picture of the whole page as tests/artefacts/screenshots/NAME.png and answers its path. */
export async function screenshot(page, name) {
  const file = path.join(artefacts, "screenshots", `${name}.png`);
  await mkdir(path.dirname(file), { recursive: true });
  await page.screenshot({ path: file, fullPage: true, animations: "disabled" });
  return file;
}

/** Takes `steps` on a page; when one fails, keeps what the page then showed as failed-NAME.png. */
export async function withPicture(page, name, steps) {
  try {
    return await steps();
  } catch (error) {
    await screenshot(page, `failed-${name}`).catch(() => {}); // the browser may be gone; the error says more
    throw error;
  }
}

/** What every page of the product must pass: no error, nothing that axe-core finds; and its picture is kept. */
export async function checkPage(page, name) {
  expectNoErrors(page);
  await checkAccessibility(page, name);
  await screenshot(page, name);
}
