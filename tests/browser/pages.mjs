// Every page of both programs, in one table: where it lies, and how one comes to see it in each of its states.
//
// A page that is not here fails pages.test.mjs: when a link leads to it, and when its route is in a program's source.

import { fileURLToPath } from "node:url";
import { passphrase, see } from "./territory.mjs";

const wrongBeneficiaries = fileURLToPath(new URL("../data/beneficiaires-fautifs-cp1252.csv", import.meta.url));
/** Good lines, one that is known, one that looks like somebody, one to be corrected. */
const beneficiaries = {
  name: "inscriptions-novembre.csv",
  mimeType: "text/csv",
  buffer: Buffer.from(
    [
      "nom;prénom;année de naissance;commune;INSEE;code postal;téléphone;e-mail;genre;notes",
      "ALDEBERT;Rosine;1949;Saint-Chinian;34245;34360;06 12 34 56 78;;F;",
      "BONIFACY;Lucien;1952;Cruzy;34092;34310;04 67 00 00 12;;M;vient en bus",
      "TEISSERENC;Odette;1944;Capestang;34052;34310;06 00 00 00 21;odette.teisserenc@example.net;F;",
      "VASSAS;Jérôme;1987;Quarante;34226;34310;07 00 00 00 33;;M;",
      "LIGNON;Marie-Thérèse;1960;Saint-Chinian;34245;34360;06 01 77 93 01;;F;",
      "LIGNON;Étienne;1957;Saint-Chinian;34245;34360;06 01 77 93 01;;M;",
      "MARAVAL;Paul;19-48;Puisserguier;34225;34620;;pas un mail;M;",
      "",
    ].join("\r\n"),
  ),
};

/**
 * One row: the route as the router writes it, the name of its pictures, and how to come to see it.
 * `open` is given the page, the program and what the scene holds; without it the route itself is visited.
 */
const row = (route, name, open) => ({ route, name, open: open ?? ((page, { at }) => at(route)) });

/** What everybody may see, signed in or not. */
export const signedOut = [
  row("/connexion", "connexion"),
  row("/connexion", "connexion-refusee", async (page, { at }) => {
    await at("/connexion");
    await page.getByLabel("Identifiant").fill("claire");
    await page.getByLabel("Phrase secrète").fill(passphrase.toUpperCase());
    await page.keyboard.press("Enter");
    await see(page.getByRole("alert"), "Identifiant ou phrase secrète inexacts.");
  }),
  row("/accessibilite", "accessibilite"),
];

/** The agents' desk, which both programs show. */
export const desk = [
  row("/", "aujourdhui"),
  row("/aujourdhui/lieu", "aujourdhui-lieu"),

  row("/personnes", "personnes"),
  row("/personnes/recherche", "personnes-trouvees", async (page, { at }) => {
    await at("/personnes");
    await page.getByRole("searchbox").pressSequentially("lignon");
    await see(page.locator("#results-count"), "personnes");
  }),
  row("/personnes/recherche", "personnes-inconnue", async (page, { at }) => {
    await at("/personnes");
    await page.getByRole("searchbox").pressSequentially("aldebert rosine");
    await see(page.locator("#results"), "Créer « aldebert rosine »");
  }),
  row("/personnes/nouvelle", "personne-nouvelle"),
  row("/personnes/nouvelle", "personne-nouvelle-erreurs", async (page, { at }) => {
    await at("/personnes/nouvelle");
    await page.getByLabel("Téléphone").fill("06 12");
    await page.getByRole("button", { name: "Enregistrer", exact: true }).click();
    await see(page.getByRole("alert"), "à corriger");
  }),
  row("/personnes/nouvelle", "personne-nouvelle-connue", async (page, { at }) => {
    await at("/personnes/nouvelle");
    await page.getByLabel("Nom (obligatoire)", { exact: true }).fill("Lignon");
    await page.getByLabel("Prénom (obligatoire)").fill("Marie Thérèse");
    await page.getByLabel("Téléphone").fill("0601779301");
    await page.getByRole("button", { name: "Enregistrer", exact: true }).click();
    await page.getByRole("heading", { name: "Déjà connue ?" }).waitFor();
  }),
  row("/personnes/{id}", "personne", (page, { at, person }) => at(person)),
  row("/personnes/{id}", "personne-desaccord", (page, { at, disputed }) => at(disputed)),
  row("/personnes/{id}/modifier", "personne-modifier", (page, { at, person }) => at(`${person}/modifier`)),
  row("/personnes/{id}/reunir/{other}", "personnes-reunir", (page, { at, person, other }) => at(`${person}/reunir/${other}`)),

  row("/ateliers", "ateliers"),
  row("/ateliers", "ateliers-pour-une-personne", (page, { at, other }) => at(`/ateliers?pour=${other}`)),
  row("/ateliers/nouveau", "atelier-nouveau"),
  row("/ateliers/nouveau", "atelier-nouveau-erreurs", async (page, { at }) => {
    await at("/ateliers/nouveau");
    await page.getByLabel("Places (obligatoire)").fill("0");
    await page.getByRole("button", { name: "Créer l’atelier" }).click();
    await see(page.getByRole("alert"), "à corriger");
  }),
  row("/ateliers/{id}", "atelier", (page, { at, session }) => at(session)),
  row("/ateliers/{id}", "atelier-ajouter", async (page, { at, session }) => {
    await at(session);
    await page.getByRole("searchbox").pressSequentially("andrieu");
    await see(page.locator("#results"), "ANDRIEU");
    for (const folded of await page.locator("main details").all()) await folded.evaluate((el) => (el.open = true));
  }),
  row("/ateliers/{id}", "atelier-annule", (page, { at, cancelled }) => at(cancelled)),
  row("/ateliers/{id}/modifier", "atelier-modifier", (page, { at, session }) => at(`${session}/modifier`)),
  row("/ateliers/{id}/deplacer", "atelier-deplacer", (page, { at, session }) => at(`${session}/deplacer`)),
  row("/ateliers/{id}/annuler", "atelier-annuler", (page, { at, session }) => at(`${session}/annuler`)),
  row("/ateliers/{id}/emargement", "emargement", (page, { at, session }) => at(`${session}/emargement`)),

  row("/demandes", "demandes"),
  row("/demandes", "demandes-erreurs", async (page, { at }) => {
    await at("/demandes");
    await page.getByRole("button", { name: "Enregistrer la demande" }).click();
    await see(page.getByRole("alert"), "Une chose à corriger");
  }),
  row("/demandes/pour", "demandes-pour-une-personne", async (page, { at }) => {
    await at("/demandes");
    await page.getByRole("searchbox").pressSequentially("lacombe");
    await page.getByRole("button", { name: "Choisir Monique LACOMBE" }).click();
    await page.getByRole("button", { name: "Retirer" }).waitFor();
    for (const folded of await page.locator("main details").all()) await folded.evaluate((el) => (el.open = true));
  }),
  row("/nulle-part", "page-inconnue", (page, { at }) => at("/nulle-part", 404)),
];

/** The laptop's own. */
export const laptop = [
  row("/synchronisation", "synchronisation"),
  row("/synchronisation", "synchronisation-pause", async (page, { at }) => {
    await at("/synchronisation");
    await page.getByRole("button", { name: "Mettre en pause" }).click();
    await page.getByRole("button", { name: "Reprendre les échanges" }).waitFor();
  }),
];

/** The hub's own, as an administrator sees them. */
export const hub = [
  row("/", "hub-aujourdhui"),
  row("/vue-ensemble", "vue-ensemble"),
  row("/vue-ensemble", "vue-ensemble-erreur", (page, { at }) => at("/vue-ensemble?from=2026-12-31&to=2026-01-01")),
  row("/export", "export"),
  row("/import", "import"),
  row("/import/{token}", "import-apercu", (page, { at }) => preview(page, at, beneficiaries)),
  row("/import/{token}", "import-a-corriger", (page, { at }) => preview(page, at, wrongBeneficiaries)),
  row("/portables", "portables"),
  row("/portables/cle/{token}", "portables-cle", async (page, { at, stick }) => {
    await at("/portables");
    const file = { name: "portable-1.maison", mimeType: "application/octet-stream", buffer: stick };
    await page.getByLabel("Fichier d’un portable").setInputFiles(file);
    await page.getByRole("button", { name: "Recevoir ce fichier" }).click();
    await page.getByRole("heading", { name: "Fichier d’un portable" }).waitFor();
  }),
  row("/portables", "portables-cle-refusee", async (page, { at, stick }) => {
    await at("/portables");
    const file = { name: "portable-1.maison", mimeType: "application/octet-stream", buffer: stick.subarray(0, 200) };
    await page.getByLabel("Fichier d’un portable").setInputFiles(file);
    await page.getByRole("button", { name: "Recevoir ce fichier" }).click();
    await see(page.locator(".flash"), "fichier");
  }),
  row("/portables/tickets", "portables-ticket", async (page, { at }) => {
    await at("/portables");
    await page.getByLabel("Nom du portable").fill("Portable 3");
    await page.getByRole("button", { name: "Créer un ticket" }).click();
    await page.getByRole("heading", { name: "Ticket pour Portable 3" }).waitFor();
  }),
  row("/portables/{id}/revoquer", "portable-revoquer", async (page, { at }) => {
    await at("/portables");
    await page.getByRole("link", { name: "Révoquer" }).first().click();
    await page.getByRole("heading", { name: "Révoquer" }).waitFor();
  }),
  row("/sauvegardes", "sauvegardes"),
  row("/sauvegardes", "sauvegardes-faites", async (page, { at, setUpBackups }) => {
    await setUpBackups();
    await at("/sauvegardes");
    await page.getByRole("button", { name: "Sauvegarder maintenant" }).click();
    await see(page.locator(".flash"), "Sauvegardé et vérifié");
  }),
  row("/vue-ensemble/quarantaine", "mises-de-cote"),
  row("/personnes/{id}/effacer", "personne-effacer", (page, { at, person }) => at(`${person}/effacer`)),
  row("/personnes/{id}/effacer", "personne-effacer-erreur", async (page, { at, person }) => {
    await at(`${person}/effacer`);
    await page.getByRole("button", { name: "Effacer définitivement" }).click();
    await see(page.getByRole("alert"), "Une chose à corriger");
  }),
  row("/vue-ensemble/effacements", "personnes-effacees"),
];

/** A laptop once the hub has been backed up. */
export const backedUp = [
  row("/synchronisation", "synchronisation-sauvegarde", async (page, { at }) => {
    await at("/synchronisation");
    await page.getByRole("button", { name: "Reprendre les échanges" }).click();
    await page.getByRole("button", { name: "Synchroniser maintenant" }).click();
    await see(page.locator("main"), "sauvegarde vérifiée du hub");
  }),
  row("/personnes/{id}", "personne-sauvegardee", async (page, { at, person }) => {
    await at(person);
    await see(page.locator(".badge-backup"), "Sauvegardé, vérifié le ");
  }),
];

/** What an account may not do, as an agent sees it. */
export const refused = [row("/portables", "action-reservee", (page, { at }) => at("/portables", 403))];

/** Routes that answer a GET with something else than a page, or lead on to the page of their row. */
export const notPages = [
  "/synchronisation/cle/fichier", // for the USB stick, as the next
  "/portables/cle/{token}/fichier",
  "/etat", // the live status line
  "/export/activites.csv",
  "/personnes/nouvelle/commencer",
  "/demandes/chercher",
  "/ateliers/{id}/chercher",
  "/ateliers/{id}/nouvelle",
  "/ateliers/{id}/anonymes/detail",
  "/ateliers/{id}/notes",
];

async function preview(page, at, file) {
  await at("/import");
  await page.getByLabel("Fichier CSV ou XLSX").setInputFiles(file);
  await page.getByRole("button", { name: "Vérifier le fichier" }).click();
  await page.waitForURL("**/import/*");
}
