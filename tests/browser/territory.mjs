// The territory that the browser tests work in: a hub filled by its commands, as an administrator would, laptops
// joined to it, and an agent who signs in. Everybody in it is invented.

import { mkdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Program, hub, node, run } from "./programs.mjs";

const beneficiaries = fileURLToPath(new URL("../data/beneficiaires-exemple.csv", import.meta.url));

/** Everybody's passphrase. */
export const passphrase = "quatre mots bien choisis";

/** The accounts by their logins. */
export const accounts = {
  claire: { name: "Claire Fabre", role: "agent" },
  samir: { name: "Samir Benali", role: "staff" },
  odile: { name: "Odile Roques", role: "administrator" },
};

/** A hub of its own in `directory`, with accounts, beneficiaries and the two weekly workshops; serving. */
export async function startHub(directory) {
  const data = path.join(directory, "hub");
  for (const [login, { name, role }] of Object.entries(accounts)) {
    const account = ["agent", "add", "--data", data, login, "--name", name, "--role", role];
    await run(hub, account, { input: `${passphrase}\n` });
  }
  await run(hub, ["import", "--data", data, "--agent", "odile", "--only-good", beneficiaries]);
  await run(hub, ["example", "--data", data, "--agent", "odile"]);
  return Object.assign(await Program.serve(hub, data), { data });
}

/** Has the hub `at` back up to a place in `directory`, for two administrators. */
export async function setUpBackups(directory, at) {
  for (const [login, { name }] of Object.entries(accounts).slice(1)) {
    const key = path.join(directory, `${login}.cle`);
    await run(hub, ["backup", "key", "--data", at.data, "--name", name, key]);
  }
  const place = path.join(directory, "disque");
  await mkdir(place);
  await run(hub, ["backup", "place", "add", "--data", at.data, place]);
}

/** A laptop that has joined the serving hub `at` and holds all it has; serving. */
export async function startLaptop(directory, name, at) {
  const data = path.join(directory, name);
  const ticket = ["ticket", "create", "--data", at.data, "--name", name, "--address", at.url, "--json"];
  const { stdout } = await run(hub, ticket);
  await run(node, ["enrol", "--data", data, JSON.parse(stdout).ticket]);
  await run(node, ["sync", "--data", data]);
  return Object.assign(await Program.serve(node, data), { data });
}

/** Signs in on the page that asks for it, by keyboard, and waits for the page behind. */
export async function signIn(page, program, login, target = "/") {
  await page.goto(program.page(target));
  await page.getByLabel("Identifiant").fill(login);
  await page.getByLabel("Phrase secrète").fill(passphrase);
  await page.keyboard.press("Enter");
  await page.getByRole("navigation", { name: "Pages" }).waitFor();
}

/** Today's date where the Maison is, as date fields take it. */
export function today() {
  return new Date().toLocaleDateString("sv-SE", { timeZone: "Europe/Paris" });
}

// ---- What an agent does everywhere ----------------------------------------------------------------------------------

/** Waits until `locator` shows `text` (or matches it). */
export async function see(locator, text) {
  await locator.filter({ hasText: text }).waitFor();
}

/** Waits until the status line says `text`. */
export const status = (page, text) => see(page.locator("#status-line"), text);

/** Opens a page by its tab. */
export async function tab(page, name) {
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name }).click();
  await page.locator(".tabs a[aria-current]", { hasText: name }).waitFor();
}

/** On Aujourd'hui: says to be at `place`, unless the tour says so. */
export async function beAt(page, place) {
  const lead = page.locator(".page-head .lead");
  if ((await lead.textContent()).startsWith(place)) return;
  await page.getByRole("link", { name: "Je suis ailleurs" }).click();
  await page.getByRole("button", { name: place }).click();
  await see(lead, place);
}

/** Plans a session of today at the agent's place and stays on its sheet: the example has none on most weekdays. */
export async function planToday(page, { title, start, end, level }) {
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

/** The button `label` of one participant on a session's sheet. */
export function participant(page, name, label, pressed) {
  const row = page.locator("#participants .row", { hasText: name });
  return row.getByRole("button", { name: label, pressed });
}
