// An agent's morning in Saint-Chinian: the laptop works without the hub, then the line comes back and Capestang reads
// what was written down. With mouse and keyboard, as a person would; and its core once more without JavaScript.

import { after, before, test } from "node:test";
import { expectNoErrors, launch, openPage, withPicture } from "./browser.mjs";
import { freshDirectory } from "./programs.mjs";
import { signIn, startHub, startLaptop, today } from "./territory.mjs";

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
    await beIn(page, "Saint-Chinian");
    await planToday(page, { title: "Premiers pas sur tablette", start: "10:00", end: "12:00", level: "Débutant" });

    await registerWhoIsKnown(page);
    await registerSomebodyNew(page);
    await registerFromTheSheetOfAPerson(page);
    await markWhoCame(page);
    await takeAWalkIn(page);
    await countAndNote(page);
    await see(page.locator(".page-head .badge-here"), "Sur ce portable seulement");

    await tab(page, "Aujourd’hui");
    await see(page.locator(".card", { hasText: "Premiers pas sur tablette" }), "5 inscrits");
  });
  expectNoErrors(page);
});

/** Says to be in `place` today, unless the tour knows. */
async function beIn(page, place) {
  const lead = page.locator(".page-head .lead");
  if ((await lead.textContent()).startsWith(place)) return;
  await page.getByRole("link", { name: "Je suis ailleurs" }).click();
  await page.getByRole("button", { name: place }).click();
  await see(lead, place);
}

/** Plans a session of today at the agent's place and stays on its sheet. */
async function planToday(page, { title, start, end, level }) {
  await tab(page, "Ateliers");
  await page.getByRole("link", { name: "Nouvel atelier" }).click();
  await page.getByLabel("Titre").fill(title);
  await page.getByLabel("Date (obligatoire)").fill(today());
  await page.getByLabel("Début (obligatoire)").fill(start);
  await page.getByLabel("Fin (obligatoire)").fill(end);
  await page.getByRole("radio", { name: level }).check();
  await page.getByRole("button", { name: "Créer l’atelier" }).click();
  await page.getByRole("heading", { name: title }).waitFor();
}

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

/** Somebody unknown, who shares a name and a phone with somebody known: asked before anything is written. */
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
  await seats(page, "2 inscrits, 2 places libres");
  await add.getByRole("button", { name: "Enregistrer et inscrire" }).click();
  await seats(page, "3 inscrits, 1 place libre");
}

/** From Personnes: nobody is found, the form begins with what was typed, and leads on to the sessions. */
async function registerFromTheSheetOfAPerson(page) {
  await tab(page, "Personnes");
  await page.keyboard.type("aldebert rosine");
  await page.getByRole("button", { name: "Créer « aldebert rosine »" }).click();
  await page.getByLabel("Téléphone").fill("0612345678");
  await page.getByRole("button", { name: "Enregistrer et inscrire à un atelier" }).click();
  await flash(page, "Rosine ALDEBERT est enregistré(e).");
  const session = page.locator(".row", { hasText: "Premiers pas sur tablette" });
  await session.getByRole("button", { name: "Inscrire" }).click();
  await see(session, "Complet, 4 inscrits");
  await session.getByRole("link", { name: "Premiers pas sur tablette" }).click();
  await seats(page, "Complet, 4 inscrits");
}

/** One tap each; a wrong one is undone by one tap. */
async function markWhoCame(page) {
  for (const [name, mark] of [["Marie-Thérèse LIGNON", "Présent"], ["Émile LIGNON", "Présent"], ["Rosine ALDEBERT", "Excusé"]]) {
    await button(page, name, mark).click();
    await button(page, name, mark, true).waitFor();
    await flash(page, `${name} : ${mark}.`);
  }
  await button(page, "Théo COMBES", "Absent").click();
  await button(page, "Théo COMBES", "Absent", true).waitFor();
  await button(page, "Théo COMBES", "Annuler").click();
  await button(page, "Théo COMBES", "Absent", false).waitFor();
}

/** Somebody comes who is not on the list. */
async function takeAWalkIn(page) {
  await page.getByRole("searchbox").pressSequentially("valette");
  await page.getByRole("button", { name: "Est venu(e), Fatima VALETTE" }).click();
  await see(page.locator("#participants .row", { hasText: "Fatima VALETTE" }), "Sans rendez-vous");
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

// ---- Short words for what a person looks at -------------------------------------------------------------------------

async function tab(page, name) {
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name }).click();
  await page.locator(".tabs a[aria-current]", { hasText: name }).waitFor();
}

async function see(locator, text) {
  await locator.filter({ hasText: text }).waitFor();
}

/** The button of one participant of a session's sheet. */
function button(page, name, label, pressed) {
  return page.locator("#participants .row", { hasText: name }).getByRole("button", { name: new RegExp(`^${label}`), pressed });
}

const status = (page, text) => see(page.locator("#status-line"), text);
const seats = (page, text) => see(page.locator("#seats"), text);
const flash = (page, text) => see(page.locator("#flash"), text);
