// A day that has everything on it, written through the forms' own addresses with an agent's cookies: what the pages
// test looks at. The acts themselves are tested in morning.test.mjs, with mouse and keyboard.

import assert from "node:assert/strict";
import { today } from "./territory.mjs";

/** An agent who is signed in on `page` and sends forms without drawing pages. */
export class Clerk {
  constructor(page, program) {
    this.page = page;
    this.program = program;
  }

  /** The page at `pathname`, as text. */
  async read(pathname) {
    const answer = await this.page.request.get(this.program.page(pathname));
    assert.equal(answer.status(), 200, pathname);
    return answer.text();
  }

  /** Sends a form and answers the page that it leads to, as text, with its path. */
  async send(pathname, form) {
    const answer = await this.#post(pathname, form);
    assert.equal(answer.status(), 200, `${pathname}: ${answer.status()}`);
    return { text: await answer.text(), path: new URL(answer.url()).pathname };
  }

  #post(pathname, form) {
    return this.page.request.post(this.program.page(pathname), { form, headers: { origin: this.program.url } });
  }

  /** Id of the person that `words` find first. */
  async person(words) {
    const { text } = await this.send("/personnes/recherche", { q: words });
    return found(text, /row-name"><a href="\/personnes\/([^/"?]+)"/, words);
  }

  /** A new session of today, held by the agent, who may be elsewhere at that hour; answers its path. */
  async session(form) {
    const blank = await this.read("/ateliers/nouveau");
    const animateur = found(blank, /name="animateur"[^]*?<option value="([^"]+)" selected/, "the agent as the animateur");
    const whole = { date: today(), capacity: "4", weeks: "1", level: "debutant", animateur, ...form };
    const answer = await this.#post("/ateliers/nouveau", whole);
    if (answer.status() !== 422) return new URL(answer.url()).pathname;
    const seen = found(await answer.text(), /name="seen" value="([^"]+)"/, "the sessions at the same hour");
    return (await this.send("/ateliers/nouveau", { ...whole, seen: unescaped(seen) })).path;
  }

  /** Enters a person on a session's sheet; answers the registration's path. */
  async enter(session, words, form = {}) {
    const person = await this.person(words);
    const known = new Set(registrations(await this.read(session)));
    const { text } = await this.send(`${session}/inscrire`, { person, ...form });
    const registration = registrations(text).find((id) => !known.has(id));
    assert.ok(registration, `${words} stands on the list`);
    return `${session}/${registration}`;
  }
}

/** The day at Saint-Chinian on the laptop; `session` is the path of its full session, `cancelled` of another. */
export async function fillTheDay(clerk) {
  await clerk.send("/aujourdhui/lieu", { place: "saint-chinian" });
  const place = "saint-chinian";
  const title = "Premiers pas sur tablette";
  const session = await clerk.session({ place, title, start: "09:30", end: "11:30" });
  const marks = { "lignon therese": "present", "combes theo": "present", "lacombe monique": "excused" };
  for (const [words, attendance] of Object.entries(marks)) {
    await clerk.send(`${await clerk.enter(session, words)}/presence`, { attendance });
  }
  await clerk.enter(session, "poujol gilles");
  await clerk.enter(session, "alengry antonio", { waiting: "1" });
  await clerk.enter(session, "valette fatima", { walk_in: "1" });
  await clerk.send(`${session}/anonymes`, { counter: "total", step: "1" });
  await clerk.send(`${session}/notes`, { text: "Salle froide : demander le chauffage pour jeudi." });
  await clerk.send(`${session}/preparation`, { preparation_min: "45" });

  const cancelled = await clerk.session({ place, title: "Photos de famille", start: "14:00", end: "16:00" });
  await clerk.enter(cancelled, "maurel helene");
  await clerk.enter(cancelled, "garcia monique");
  await clerk.send(`${cancelled}/annuler`, { reason: "La salle est prise par la mairie." });

  await demande(clerk, "france-travail", { theme: "travail_formation", duration: "30" });
  await demande(clerk, "cnaf", { theme: "famille_scolarite" });
  await demande(clerk, "france-titres", { theme: "papiers_elections_citoyennete", outcome: "orientee", referred_to: "Mairie" });
  const person = await clerk.person("lignon therese");
  await demande(clerk, "cnam", { theme: "social_sante", person, outcome: "rendez_vous" });
  return { session, cancelled };
}

/** What somebody should look at, at Capestang: two places at once, and a session that nobody completed. */
export async function leaveThingsOpen(clerk) {
  const place = "capestang";
  await clerk.session({ place, title: "Permanence", start: "09:00", end: "12:00" });
  await clerk.session({ place: "quarante", title: "Permanence", start: "10:00", end: "12:00" });
  const yesterday = new Date(Date.parse(today()) - 24 * 3600 * 1000).toISOString().slice(0, 10);
  const over = await clerk.session({ place, title: "Écrire un courriel", start: "14:00", end: "16:00", date: yesterday });
  await clerk.enter(over, "poujol gilles");
}

/** One person whose phone is written otherwise on the laptop and at the hub, before they meet again. */
export async function disagree(laptop, hub) {
  const person = await hub.person("soulie simone");
  await laptop.send("/synchronisation/pause", {});
  await change(laptop, person, { phone: "06 11 11 11 11" });
  await change(hub, person, { phone: "06 22 22 22 22" });
  await laptop.send("/synchronisation/reprise", {});
  await laptop.send("/synchronisation/maintenant", {});
  return `/personnes/${person}`;
}

async function demande(clerk, operator, form) {
  const text = await clerk.read("/demandes");
  const id = found(text, /name="id" value="([^"]+)"/, "a fresh demande");
  const usual = { id, place: "saint-chinian", outcome: "traitee", duration: "15", channel: "sur_place" };
  await clerk.send("/demandes", { ...usual, operator, ...form });
}

/** Sends the form of a known person with some fields changed. */
async function change(clerk, person, fields) {
  const pathname = `/personnes/${person}/modifier`;
  const text = await clerk.read(pathname);
  const was = [...text.matchAll(/<input type="hidden" name="was\.([a-z_]+)" value="([^"]*)"/g)];
  assert.ok(was.length > 5, "the form holds what it showed");
  const shown = Object.fromEntries(was.map(([, name, value]) => [name, unescaped(value)]));
  const before = Object.fromEntries(Object.entries(shown).map(([name, value]) => [`was.${name}`, value]));
  await clerk.send(pathname, { ...before, ...shown, ...fields });
}

function registrations(text) {
  return [...text.matchAll(/action="\/ateliers\/[^/"]+\/([^/"]+)\/(?:presence|statut)/g)].map(([, id]) => id);
}

function found(text, pattern, what) {
  const match = text.match(pattern);
  assert.ok(match, `${what} is on the page`);
  return match[1];
}

function unescaped(text) {
  return text.replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(code)).replaceAll("&amp;", "&");
}
