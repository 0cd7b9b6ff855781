// An agent's morning in Saint-Chinian: the laptop works without the hub, then the line comes back and Capestang reads
// what was written down. With mouse and keyboard, as a person would; and its core once more without JavaScript.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { after, before, test } from "node:test";
import { expectNoErrors, launch, openPage, withPicture } from "./browser.mjs";
import { freshDirectory } from "./programs.mjs";
import { beAt, participant, planToday, see, signIn, startHub, startLaptop, status, tab, today } from "./territory.mjs";

const session = "Premiers pas sur tablette";

/** It ends late, so that people can be registered in it at whatever hour the test runs. */
const plan = { title: session, start: "10:00", end: "23:59", level: "Débutant" };

let browser;

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

test("a morning without a line reaches Capestang when the line comes back", async (context) => {
  const directory = await freshDirectory(context);
  let hub = await startHub(directory);
  const laptop = await startLaptop(directory, "Portable 1", hub);
  await hub.stop();

  const page = await openPage(browser);
  await withPicture(page, "morning", async () => {
    await signIn(page, laptop, "claire");
    await status(page, "Hors ligne : c’est normal. Rien n’attend sur ce portable.");
    await beAt(page, "Saint-Chinian");
    await planToday(page, plan);
    await registerWhoIsKnown(page);
    await registerSomebodyNew(page);
    await registerFromTheSheetOfAPerson(page);
    await markWhoCame(page);
    await takeAWalkIn(page);
    await countAndNote(page);
    await takeThreeDemandes(page);
    await readWhatTheLaptopSays(page);
    hub = await hub.restart();
    await exchange(page);
    expectNoErrors(page);
  });

  const desk = await openPage(browser);
  await withPicture(desk, "morning-hub", async () => {
    await signIn(desk, hub, "samir");
    await readTheSession(desk);
    await readThePerson(desk);
    await readTheOverview(desk);
    await readTheExport(desk);
    expectNoErrors(desk);
  });
});

test("an open page says by itself that an exchange with a silent hub has ended", async (context) => {
  const directory = await freshDirectory(context);
  const hub = await startHub(directory);
  const laptop = await startLaptop(directory, "Portable 1", hub);
  await hub.stop();
  // Whoever calls the hub is listened to, and gets no answer.
  const calls = new Set();
  const silent = createServer((call) => calls.add(call.on("error", () => {})));
  silent.listen(new URL(hub.url).port, "127.0.0.1");
  await once(silent, "listening");
  context.after(() => silent.close());

  const page = await openPage(browser);
  await withPicture(page, "silent-hub", async () => {
    await signIn(page, laptop, "claire");
    await page.goto(laptop.page("/synchronisation"));
    await page.getByRole("button", { name: "Mettre en pause" }).click();
    await page.getByRole("button", { name: "Reprendre les échanges" }).click();
    await see(page.locator("#attente"), "Un échange avec le hub est en cours");
    calls.forEach((call) => call.destroy());
    silent.close();
    await page.locator("#attente", { hasNotText: "est en cours" }).waitFor();
    expectNoErrors(page);
  });
});

test("the core of it works without JavaScript", async (context) => {
  const directory = await freshDirectory(context);
  const hub = await startHub(directory);
  const laptop = await startLaptop(directory, "Portable 1", hub);
  const page = await openPage(browser, { javaScriptEnabled: false });
  await withPicture(page, "morning-without-javascript", async () => {
    await signIn(page, laptop, "claire");
    await beAt(page, "Saint-Chinian");
    await planToday(page, plan);
    for (const [words, name, said] of [
      ["lignon therese", "Marie-Thérèse LIGNON", "1 inscrit, 3 places libres"],
      ["25 41 61", "Théo COMBES", "2 inscrits, 2 places libres"],
    ]) {
      await page.getByRole("searchbox").fill(words);
      await page.getByRole("button", { name: "Chercher" }).click();
      await page.getByRole("button", { name: `Inscrire ${name}` }).click();
      await seats(page, said);
    }
    await participant(page, "Théo COMBES", "Présent").click();
    await participant(page, "Théo COMBES", "Présent", true).waitFor();
    await page.locator(".flash").getByRole("button", { name: "Annuler" }).click();
    await participant(page, "Théo COMBES", "Présent", false).waitFor();
    await tab(page, "Demandes");
    await page.getByRole("radio", { name: "France Travail" }).check();
    await page.getByRole("button", { name: "Enregistrer la demande" }).click();
    await see(page.locator("#du-jour .row"), "France Travail");
    await tab(page, "Personnes");
    await page.getByRole("searchbox").fill("combes theo");
    await page.getByRole("button", { name: "Chercher" }).click();
    await page.getByRole("link", { name: "Théo COMBES" }).click();
    await see(page.locator(".row"), session);
    expectNoErrors(page);
  });
});

/** Two people found from the sheet, by nothing but typing: without accents, by a piece of the phone number. */
async function registerWhoIsKnown(page) {
  const field = page.getByRole("searchbox");
  await field.pressSequentially("lignon therese");
  await page.getByRole("button", { name: "Inscrire Marie-Thérèse LIGNON" }).click();
  await seats(page, "1 inscrit, 3 places libres");
  await flash(page, "Marie-Thérèse LIGNON est inscrit(e).");
  await field.fill("");
  await field.pressSequentially("25 41 61");
  await page.getByRole("button", { name: "Inscrire Théo COMBES" }).click();
  await seats(page, "2 inscrits, 2 places libres");
}

/** Somebody unknown who shares a name and a phone with somebody known: asked before anything is written. */
async function registerSomebodyNew(page) {
  await page.getByText("C’est une nouvelle personne").click();
  const add = page.locator("#ajouter");
  await add.getByLabel("Nom (obligatoire)", { exact: true }).fill("Lignon");
  await add.getByLabel("Prénom (obligatoire)").fill("Émile");
  await add.getByLabel("Téléphone", { exact: true }).fill("06 01 77 93 01");
  await add.getByLabel("Commune").selectOption({ label: "Saint-Chinian" });
  await add.getByRole("button", { name: "Enregistrer et inscrire" }).click();
  await see(add.getByRole("alert"), "Déjà connue ?");
  await see(add.getByRole("alert"), "Marie-Thérèse LIGNON");
  // Enter pressed twice must not answer the question before it is read.
  assert.ok(await add.getByRole("alert").evaluate((el) => el === document.activeElement), "the focus is on the question");
  await seats(page, "2 inscrits, 2 places libres");
  await add.getByRole("button", { name: "Enregistrer et inscrire" }).click();
  await seats(page, "3 inscrits, 1 place libre");
}

/** From Personnes: nobody is found, the form begins with what was typed and leads on to the sessions. */
async function registerFromTheSheetOfAPerson(page) {
  await tab(page, "Personnes");
  await page.keyboard.type("aldebert rosine");
  await page.getByRole("button", { name: "Créer « aldebert rosine »" }).click();
  await page.getByLabel("Téléphone").fill("0612345678");
  await page.getByRole("button", { name: "Enregistrer et inscrire à un atelier" }).click();
  await flash(page, "Rosine ALDEBERT est enregistré(e).");
  const row = page.locator(".row", { hasText: session });
  await row.getByRole("button", { name: "Inscrire" }).click();
  await see(row, "Complet, 4 inscrits");
  await row.getByRole("link", { name: session }).click();
  await seats(page, "Complet, 4 inscrits");
}

/** One tap each; a wrong one is undone by one tap. */
async function markWhoCame(page) {
  for (const [name, mark] of [["Marie-Thérèse LIGNON", "Présent"], ["Émile LIGNON", "Présent"], ["Rosine ALDEBERT", "Excusé"]]) {
    await participant(page, name, mark).click();
    await participant(page, name, mark, true).waitFor();
    await flash(page, `${name} : ${mark}.`);
  }
  await participant(page, "Théo COMBES", "Absent").click();
  await participant(page, "Théo COMBES", "Absent", true).waitFor();
  await participant(page, "Théo COMBES", "Annuler").click();
  await participant(page, "Théo COMBES", "Absent", false).waitFor();
  await participant(page, "Théo COMBES", "Absent").click();
  await flash(page, "Théo COMBES : Absent.");
}

/** Somebody comes who is not on the list. */
async function takeAWalkIn(page) {
  await page.getByRole("searchbox").pressSequentially("valette");
  const found = page.locator("#results .row", { hasText: "Fatima VALETTE" });
  await found.getByRole("button", { name: "Est venu(e)" }).click();
  await see(page.locator("#participants .row", { hasText: "Fatima VALETTE" }), "Sans rendez-vous");
  await seats(page, "Complet, 5 inscrits");
}

async function countAndNote(page) {
  const anonymous = page.locator("#anonymes");
  for (const count of ["1", "2"]) {
    await anonymous.getByRole("button", { name: "Une de plus, personnes" }).click();
    await see(anonymous.getByRole("status").first(), count);
  }
  await page.getByLabel("Ajouter une note").fill("Salle froide : demander le chauffage pour jeudi.");
  await page.getByRole("button", { name: "Ajouter" }).click();
  await see(page.locator("#notes-part .note"), "Salle froide : demander le chauffage pour jeudi.");
  await page.getByLabel("Préparation (minutes)").fill("45");
  await page.locator("#notes-part").getByRole("button", { name: "Noter" }).click();
  await flash(page, "45");
}

/** One after another: the form is ready again at once, and keeps the channel. */
async function takeThreeDemandes(page) {
  await tab(page, "Aujourd’hui");
  await see(page.locator(".card", { hasText: session }), "Fatima VALETTE");
  await page.getByRole("link", { name: "Noter une demande" }).click();
  const form = page.locator("#demande");
  const list = page.locator("#du-jour");
  const started = performance.now();
  for (const [count, [operator, outcome]] of [["France Travail", "Traitée"], ["Cnaf", "Orientée"], ["Cnam", "Traitée"]].entries()) {
    await form.getByRole("radio", { name: operator }).check();
    await form.getByRole("radio", { name: outcome }).check();
    await form.getByRole("button", { name: "Enregistrer la demande" }).click();
    await list.locator(".row").nth(count).waitFor();
  }
  const seconds = (performance.now() - started) / 1000;
  assert.ok(seconds < 10, `three demandes took ${seconds} s`);
  await see(list, "Aujourd’hui à Saint-Chinian");
  await see(list, "Sur ce portable seulement");
}

/** What only this laptop holds is said on its sheet, in the status line and on the Synchronisation page. */
async function readWhatTheLaptopSays(page) {
  await tab(page, "Ateliers");
  await see(page.locator(".row", { hasText: session }), "Sur ce portable seulement");
  await tab(page, "Synchronisation");
  await status(page, /\d+ saisies sur ce portable seulement/);
  const waiting = page.locator("section", { has: page.locator("#waiting") });
  // By kind, not by name: the page stays on screen.
  for (const kind of ["Fiche d’une personne", "Atelier, inscriptions ou présences", "Demandes d’une journée"]) {
    await see(waiting, kind);
  }
}

async function exchange(page) {
  await page.getByRole("button", { name: "Synchroniser maintenant" }).click();
  await status(page, "Identique au hub depuis");
  await see(page.locator("section", { has: page.locator("#waiting") }), "Rien n’attend");
  await tab(page, "Ateliers");
  const row = page.locator(".row", { hasText: session });
  await row.waitFor();
  assert.ok(!(await row.textContent()).includes("Sur ce portable"), "the hub has it now");
}

// ---- At the hub -----------------------------------------------------------------------------------------------------

async function readTheSession(page) {
  await tab(page, "Ateliers");
  await page.getByRole("link", { name: session }).click();
  for (const [name, mark] of [
    ["Marie-Thérèse LIGNON", "Présent"],
    ["Théo COMBES", "Absent"],
    ["Émile LIGNON", "Présent"],
    ["Rosine ALDEBERT", "Excusé"],
    ["Fatima VALETTE", "Présent"],
  ]) {
    await participant(page, name, mark, true).waitFor();
  }
  await see(page.locator("#anonymes output").first(), "2");
  await see(page.locator("#notes-part"), "Salle froide");
  await see(page.locator("#notes-part"), "Claire Fabre");
  assert.equal(await page.getByLabel("Préparation (minutes)").inputValue(), "45");
}

async function readThePerson(page) {
  await tab(page, "Personnes");
  await page.getByRole("searchbox").pressSequentially("emile lign");
  await page.getByRole("link", { name: "Émile LIGNON" }).click();
  await page.getByRole("heading", { name: "Émile LIGNON" }).waitFor();
  await see(page.locator(".row", { hasText: session }), "Présent");
}

/** The three demandes and the session of today, counted at Saint-Chinian. */
async function readTheOverview(page) {
  await tab(page, "Vue d’ensemble");
  await page.getByLabel("Du", { exact: true }).fill(today());
  await page.getByLabel("Au", { exact: true }).fill(today());
  await page.getByLabel("Lieu", { exact: true }).selectOption({ label: "Saint-Chinian" });
  await page.getByRole("button", { name: "Afficher" }).click();
  const row = page.getByRole("region", { name: "Personnes et demandes par lieu" }).locator("tbody tr");
  await row.waitFor();
  assert.equal(await row.locator("td").nth(3).textContent(), "3", "demandes at Saint-Chinian");
  await see(page.locator(".card", { has: page.locator("#portables") }), "Portable 1");
}

async function readTheExport(page) {
  await page.getByRole("link", { name: "Exporter les activités" }).click();
  const downloading = page.waitForEvent("download");
  await page.getByRole("button", { name: "Télécharger le fichier CSV" }).click();
  const text = await readFile(await (await downloading).path(), "utf8");
  const lines = text.split("\r\n");
  assert.ok(text.startsWith("\u{feff}Date;"), lines[0]);
  const emile = lines.filter((line) => line.includes("LIGNON") && line.includes("Émile"));
  assert.equal(emile.length, 1, text);
  assert.match(emile[0], new RegExp(session));
  assert.equal(lines.filter((line) => line.includes("France Travail")).length, 1, text);
}

const seats = (page, text) => see(page.locator("#seats"), text);
const flash = (page, text) => see(page.locator(".flash"), text);
