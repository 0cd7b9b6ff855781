// Every page of both programs at three widths: nothing that axe-core finds, no error, no breach of the content security
// policy, no sideways scrolling even at 400 % zoom; and a picture of each for people to look at.
//
// MAISON_SCREENSHOTS=deploy/screenshots writes the README's pictures there.

import assert from "node:assert/strict";
import { mkdir, readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { artefacts, checkAccessibility, expectNoErrors, launch, openPage, screenshot, visit, withPicture } from "./browser.mjs";
import { Clerk, disagree, fillTheDay, leaveThingsOpen } from "./day.mjs";
import * as pages from "./pages.mjs";
import { freshDirectory } from "./programs.mjs";
import { setUpBackups, signIn, startHub, startLaptop } from "./territory.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));

const laptopScreen = { width: 1280, height: 800 };
/** A 10-inch tablet, upright. */
const tablet = { width: 800, height: 1280 };
/** What a window of 1280 pixels shows at 400 % zoom. */
const zoomed = { width: 320, height: 640 };

let browser;

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

test("every page of both programs can be used by everybody", async (context) => {
  const directory = await freshDirectory(context);
  const hub = await startHub(directory);
  const laptop = await startLaptop(directory, "Portable 1", hub);
  const laptopPage = await openPage(browser);
  const hubPage = await openPage(browser);
  await signIn(laptopPage, laptop, "claire");
  await signIn(hubPage, hub, "odile");
  const clerk = new Clerk(laptopPage, laptop);
  const hubClerk = new Clerk(hubPage, hub);
  await leaveThingsOpen(hubClerk);
  const scene = {
    ...(await fillTheDay(clerk)),
    disputed: await disagree(clerk, hubClerk),
    person: `/personnes/${await clerk.person("lignon therese")}`,
    other: await clerk.person("lignon marcel"),
    setUpBackups: () => setUpBackups(directory, hub),
    stick: await (await laptopPage.request.get(laptop.page("/synchronisation/cle/fichier"))).body(),
  };

  const look = async (name, page, program, rows) => {
    for (const row of rows) {
      await context.test(`${name}: ${row.name}`, () => lookAt(row, page, program, scene));
    }
  };
  await look("signed out", await openPage(browser), laptop, pages.signedOut);
  await look("laptop", laptopPage, laptop, [...pages.desk, ...pages.laptop]);
  await look("hub", hubPage, hub, pages.hub);
  await look("laptop, backed up", laptopPage, laptop, pages.backedUp);
  const agentPage = await openPage(browser);
  await signIn(agentPage, hub, "claire");
  await look("hub, as an agent", agentPage, hub, pages.refused);
  await context.test("the attendance sheet on paper", () => printed(laptopPage, laptop, scene.session));
});

test("no route of the sources is missing from the table", async () => {
  const known = new Set([...all().map((row) => row.route), ...pages.notPages]);
  const routes = await routesOfTheSources();
  assert.ok(routes.length > 30, `${routes.length} routes found`);
  const missing = routes.filter((route) => !known.has(route));
  assert.deepEqual(missing, [], "add them to pages.mjs");
});

/** Comes to see one page and demands of it what every page promises, at every width. */
async function lookAt(row, page, program, scene) {
  const at = (pathname, status) => visit(page, program.page(pathname), status);
  await page.setViewportSize(laptopScreen);
  await withPicture(page, row.name, async () => {
    await row.open(page, { ...scene, at });
    await page.mouse.move(0, 0); // nothing looks pointed at
    expectNoErrors(page);
    await knowsItsLinks(page);
    await checkAccessibility(page, row.name);
    await screenshot(page, row.name);
    await readmePicture(page, row.name);
    for (const [size, suffix] of [[tablet, "tablette"], [zoomed, "320"]]) {
      await page.setViewportSize(size);
      await fits(page, size.width);
      await screenshot(page, `${row.name}-${suffix}`);
    }
    await checkAccessibility(page, `${row.name}, ${zoomed.width} px`);
    expectNoErrors(page);
  });
}

/** The attendance sheet as the printer gets it: one page, without what is for the screen. */
async function printed(page, program, session) {
  await page.setViewportSize(laptopScreen);
  await visit(page, program.page(`${session}/emargement`));
  const pdf = await page.pdf({ format: "A4", path: path.join(artefacts, "emargement.pdf") });
  assert.equal(pdf.toString("latin1").match(/\/Type\s*\/Page\b/g)?.length, 1, "pages of paper");
  await page.emulateMedia({ media: "print" });
  for (const screen of [".masthead", "#status-line", ".foot", ".acts"]) {
    assert.ok(await page.locator(screen).first().isHidden(), `${screen} is not printed`);
  }
  assert.ok(!(await page.locator("main").textContent()).includes("06 01 77 93 01"), "no phone on paper");
  await screenshot(page, "emargement-papier");
  await page.emulateMedia({ media: null });
}

/** Fails when the page scrolls sideways, and says what is too wide. */
async function fits(page, width) {
  const wide = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const out = [...document.querySelectorAll("body *")].filter((el) => el.getBoundingClientRect().right > width);
    // Tables scroll by themselves; what is in one is the reason only when nothing else is.
    const outside = out.filter((el) => !el.closest(".table-box"));
    return (outside.length > 0 ? outside : out).map((el) => el.outerHTML.slice(0, 120));
  });
  assert.deepEqual(wide, [], `too wide for ${width} px`);
}

/** Every link within the site leads to a page of the table. */
async function knowsItsLinks(page) {
  const patterns = [...all().map((row) => row.route), ...pages.notPages].map((route) => [route, asPattern(route)]);
  const hrefs = await page.locator("a[href^='/']").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  const unknown = hrefs.filter((href) => {
    const { pathname } = new URL(href, "http://site");
    return !patterns.some(([, pattern]) => pattern.test(pathname));
  });
  assert.deepEqual(unknown, [], `links of ${page.url()} that lead to no page of the table`);
}

function all() {
  return [...pages.signedOut, ...pages.desk, ...pages.laptop, ...pages.hub, ...pages.refused];
}

function asPattern(route) {
  return new RegExp(`^${route.replaceAll(/\{[a-z]+\}/g, "[^/]+")}$`);
}

/** The routes that the sources answer a GET on, with constants read from the same file. */
async function routesOfTheSources() {
  const routes = new Set();
  for (const directory of ["shared/src/desk", "hub/src/pages", "field-node/src/pages"]) {
    for (const file of await readdir(path.join(root, directory), { recursive: true })) {
      if (!file.endsWith(".rs") || file.endsWith("tests.rs")) continue;
      const text = await readFile(path.join(root, directory, file), "utf8");
      const constants = Object.fromEntries([...text.matchAll(/const ([A-Z]+): &str = "(\/[^"]*)"/g)].map(([, k, v]) => [k, v]));
      for (const [, literal, name] of text.matchAll(/\.route\(\s*(?:"([^"]+)"|([A-Z]+)),\s*get\(/g)) {
        routes.add(literal ?? constants[name] ?? `${name} in ${file}`);
      }
    }
  }
  return [...routes].sort();
}

/** The pictures of the README, and the pages that they show as one sees them without scrolling. */
const readme = { aujourdhui: "aujourdhui", atelier: "atelier", "vue-ensemble": "vue-ensemble", "import-apercu": "import" };

async function readmePicture(page, name) {
  const directory = process.env.MAISON_SCREENSHOTS;
  if (!directory || !readme[name]) return;
  await mkdir(path.resolve(root, directory), { recursive: true });
  await page.screenshot({ path: path.resolve(root, directory, `${readme[name]}.png`), animations: "disabled" });
}
