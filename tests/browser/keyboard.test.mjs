// The keyboard alone: signing in, finding the day's session and marking who came, with Tab, Enter, Space and the
// shortcuts. The focus can be seen all along and is still on the button after a tap.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { expectNoErrors, launch, openPage, visit, withPicture } from "./browser.mjs";
import { Clerk } from "./day.mjs";
import { freshDirectory } from "./programs.mjs";
import { passphrase, see, signIn, startHub, startLaptop } from "./territory.mjs";

const session = "Premiers pas sur tablette";

/** More stops than any page has before the one that is looked for. */
const stops_max = 80;

let browser;

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

test("an agent without a mouse signs in and marks an attendance", async (context) => {
  const directory = await freshDirectory(context);
  const hub = await startHub(directory);
  const laptop = await startLaptop(directory, "Portable 1", hub);
  await prepare(laptop);

  const page = await openPage(browser);
  await withPicture(page, "keyboard", async () => {
    await visit(page, laptop.page("/"));
    await signInByKeyboard(page);
    await openTheSession(page);
    await markAndUndo(page);
    await registerSomebody(page);
    await askForHelp(page);
    expectNoErrors(page);
  });
});

/** A session of today at Saint-Chinian with two people, open for more at whatever hour the test runs. */
async function prepare(laptop) {
  const page = await openPage(browser);
  await signIn(page, laptop, "claire");
  const clerk = new Clerk(page, laptop);
  const path = await clerk.session({ place: "saint-chinian", title: session, start: "09:30", end: "23:59" });
  await clerk.enter(path, "lignon therese");
  await clerk.enter(path, "combes theo");
  await page.context().close();
}

async function signInByKeyboard(page) {
  await tabTo(page, "Identifiant (obligatoire)");
  await page.keyboard.type("claire");
  await tabTo(page, "Phrase secrète (obligatoire)");
  await page.keyboard.type(passphrase);
  await page.keyboard.press("Enter");
  await page.getByRole("navigation", { name: "Pages" }).waitFor();
}

/** By the shortcut of Ateliers: g, then t. */
async function openTheSession(page) {
  await tabTo(page, "Aller au contenu");
  await page.keyboard.press("g");
  await page.keyboard.press("t");
  await page.getByRole("heading", { name: "Ateliers", level: 1 }).waitFor();
  await tabTo(page, session);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: session, level: 1 }).waitFor();
}

async function markAndUndo(page) {
  await tabTo(page, /^Présent.*Théo COMBES/);
  await page.keyboard.press("Space");
  await see(page.locator(".flash"), "Théo COMBES : Présent.");
  assert.match(await focused(page), /^✓ Présent.*Théo COMBES/, "the focus stays on the button");
  await tabTo(page, /^Annuler.*Théo COMBES/);
  await page.keyboard.press("Enter");
  await see(page.locator(".flash"), "Théo COMBES : À renseigner.");
  assert.match(await focused(page), /Théo COMBES/, "the focus stays in the row");
}

/** The search field by its shortcut, the results by the arrows. */
async function registerSomebody(page) {
  await page.keyboard.press("/");
  assert.match(await focused(page), /Nom, prénom ou téléphone/);
  await page.keyboard.type("lacombe monique");
  await see(page.locator("#results"), "Monique LACOMBE");
  await page.keyboard.press("ArrowDown");
  assert.match(await focused(page), /^Inscrire.*Monique LACOMBE/);
  await page.keyboard.press("Enter");
  await see(page.locator("#seats"), "3 inscrits, 1 place libre");
  assert.equal(await focused(page), "Nom, prénom ou téléphone", "ready for the next person");
}

async function askForHelp(page) {
  await tabTo(page, /Historique de la fiche/);
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Aide au clavier" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog", { name: "Aide au clavier" }).waitFor({ state: "hidden" });
}

/** Presses Tab until the focus is on what bears this name; fails when one cannot see where the focus is. */
async function tabTo(page, name) {
  const passed = [];
  for (let stop = 0; stop < stops_max; stop++) {
    await page.keyboard.press("Tab");
    const here = await focused(page);
    await isSeen(page, here);
    if (name instanceof RegExp ? name.test(here) : here === name) return;
    passed.push(here);
  }
  assert.fail(`${name} is not among the stops: ${passed.join(" | ")}`);
}

/** The name of what has the focus, as a screen reader would say it; empty when the focus is lost. */
async function focused(page) {
  return page.evaluate(() => {
    const el = document.activeElement;
    if (!el || el === document.body) return "";
    const mark = getComputedStyle(el, "::before").content.replaceAll('"', "");
    const text = el.getAttribute("aria-label") ?? el.labels?.[0]?.textContent ?? el.textContent;
    const whole = /^(none|normal)$/.test(mark) ? text : mark + text;
    return whole.replaceAll(/\s+/g, " ").trim();
  });
}

/** An outline around what has the focus, or around the label that stands for it. */
async function isSeen(page, name) {
  const seen = await page.evaluate(() => {
    const el = document.activeElement;
    const outlined = (one) => one && getComputedStyle(one).outlineStyle !== "none" && parseFloat(getComputedStyle(one).outlineWidth) >= 2;
    return el === document.body || outlined(el) || outlined(el.nextElementSibling);
  });
  assert.ok(seen, `one sees that the focus is on « ${name} »`);
}
