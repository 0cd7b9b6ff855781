// What the desk's pages do beyond plain HTML: live search, live status line, parts that follow the records, acts in one
// tap, keyboard help.
// Every page works without it; each part looks for its own marks in the HTML and does nothing where there are none.
"use strict";

const LIVE_DELAY_MS = 120;
const FOLLOW_DELAY_MS = 400;
// How long `g` waits for its second letter.
const CHORD_MS = 1500;

document.addEventListener("DOMContentLoaded", () => {
  liveSearches();
  liveStatus();
  taps();
  unsavedText();
  keyboard();
  printing();
  document.querySelector(".error-summary")?.focus();
});

// ---- Live search: <form data-live>, #results, #results-count -------------------------------------------------------

function liveSearches() {
  let timer = 0;
  let running = null;
  const search = async (form) => {
    clearTimeout(timer);
    running?.abort();
    running = new AbortController();
    try {
      const { page } = await send(form, null, running.signal);
      showResults(page);
    } catch (error) {
      // A newer search replaced this one, or the program does not answer: the last results stay.
      if (error.name !== "AbortError") say("Pas de réponse du programme. Réessayez.");
    }
  };
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-live]");
    if (!form) return;
    clearTimeout(timer);
    timer = setTimeout(search, LIVE_DELAY_MS, form);
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-live]")) return;
    event.preventDefault();
    search(event.target);
  });
  document.addEventListener("keydown", walkResults);
  // The words of the last search give way to the next ones.
  document.querySelector("form[data-live] input[autofocus]")?.select();
}

function showResults(page) {
  for (const id of ["results", "results-count"]) {
    const here = document.getElementById(id);
    const there = page.getElementById(id);
    if (here && there && !here.isEqualNode(there)) here.replaceChildren(...there.childNodes);
  }
}

// The down arrow goes from the search field into the results; up and down walk through them.
function walkResults(event) {
  const down = event.key === "ArrowDown";
  const field = document.querySelector("form[data-live] input[type=search]");
  const stops = [field, ...document.querySelectorAll("#results :is(a, button)")];
  const next = stops[stops.indexOf(document.activeElement) + (down ? 1 : -1)];
  if (!field || !next || !(down || event.key === "ArrowUp") || !stops.includes(document.activeElement)) return;
  event.preventDefault();
  next.focus();
}

// ---- Live status line: #status-line[data-stream] -------------------------------------------------------------------

function liveStatus() {
  const line = document.getElementById("status-line");
  if (!line?.dataset.stream || !window.EventSource) return;
  const following = follows();
  const show = (event) => {
    const fresh = line.cloneNode(false);
    fresh.innerHTML = event.data;
    // A screen reader speaks when this changes: the same line again must stay silent.
    if (!fresh.isEqualNode(line)) line.replaceChildren(...fresh.childNodes);
    // A part that says more of the line than the status line does.
    if (document.querySelector("[data-part=line]")) following.soon();
  };
  let stream = null;
  // Also when the page comes back from the browser's cache, whose streams are closed.
  addEventListener("pageshow", () => {
    stream?.close();
    stream = new EventSource(line.dataset.stream);
    stream.onmessage = show;
    stream.addEventListener("contenu", following.heard);
  });
  addEventListener("pagehide", () => stream?.close());
}

// ---- Parts that follow the records: [data-part] with an id ---------------------------------------------------------

// Somebody else has written something: what has changed on this page is fetched and replaced. What a person is at
// (the focus, an open choice, text that is not sent) stays as it is.
function follows() {
  let seen = null;
  let timer = 0;
  const follow = async () => {
    timer = 0;
    try {
      const answer = await fetch(location.href, { headers: { "maison-refresh": "1" } });
      if (answer.ok && !answer.redirected) showParts(await answer.text());
    } catch {
      // The program does not answer just now; the next word comes again.
    }
  };
  // A long exchange brings much news: once in a while is enough.
  const soon = () => {
    if (!timer && document.querySelector("[data-part]")) timer = setTimeout(follow, FOLLOW_DELAY_MS);
  };
  const heard = (event) => {
    const isNews = seen !== null && seen !== event.data;
    seen = event.data;
    if (isNews) soon();
  };
  return { soon, heard };
}

function showParts(text) {
  const page = new DOMParser().parseFromString(text, "text/html");
  if (hasUnsavedText()) return;
  for (const here of document.querySelectorAll("[data-part][id]")) {
    const there = page.getElementById(here.id);
    if (there && here.isConnected && !isInUse(here) && !here.isEqualNode(there)) here.replaceWith(there);
  }
}

function isInUse(part) {
  const isSearched = (field) => field.value !== field.defaultValue;
  return part.contains(document.activeElement) || part.querySelector("details[open]")
    || [...part.querySelectorAll("input[type=search]")].some(isSearched);
}

// ---- Acts in one tap: <form data-tap="other-part …"> inside [data-part] --------------------------------------------

function taps() {
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-tap]");
    const part = form?.closest("[data-part]");
    if (!part || event.defaultPrevented) return;
    event.preventDefault();
    if (form.dataset.busy) return;
    form.dataset.busy = "1";
    try {
      const { page, answer } = await send(form, event.submitter);
      if (page.getElementById(part.id)) replaceParts(form, part, page, event.submitter);
      else leave(form, event.submitter, answer);
    } catch {
      say("Pas de réponse du programme. Rien n’est perdu : réessayez.");
    } finally {
      delete form.dataset.busy;
    }
  });
}

function replaceParts(form, part, page, submitter) {
  const back = wayBack(form, part, submitter);
  for (const id of [part.id, "flash", ...form.dataset.tap.split(" ").filter(Boolean)]) {
    const there = page.getElementById(id);
    if (there) document.getElementById(id)?.replaceWith(there);
  }
  back();
}

// Where the focus goes when a part has been replaced: what is to be read first, else the same button or field, else the
// search for the next person, else the part itself.
function wayBack(form, part, submitter) {
  const focused = document.activeElement;
  const target = submitter ?? (form.contains(focused) ? focused : null);
  const action = form.getAttribute("action");
  return () => {
    const fresh = document.getElementById(part.id);
    if (!fresh) return;
    const forms = [...fresh.querySelectorAll("form")].filter((f) => f.getAttribute("action") === action);
    const same = (el) => el.id === target?.id && el.name === target?.name && el.value === target?.value;
    const named = (el) => el.name === target?.name;
    const usable = (el) => el.type !== "hidden" && !el.disabled && !el.closest("details:not([open])");
    const controls = forms.flatMap((f) => [...f.elements]).filter(usable);
    const find = (what) => fresh.querySelector(what);
    const again = find("[role=alert], [autofocus]") ?? controls.find(same) ?? controls.find(named);
    const next = again ?? find("input[type=search]") ?? fresh;
    if (next === fresh || next.matches("[role=alert]")) next.tabIndex = -1;
    next.focus();
  };
}

// ---- Sending a form without leaving the page -----------------------------------------------------------------------

async function send(form, submitter, signal) {
  const content = new URLSearchParams(new FormData(form, submitter));
  const get = form.method === "get";
  const url = new URL(submitter?.getAttribute("formaction") ?? form.getAttribute("action") ?? "", location.href);
  if (get) url.search = content;
  const answer = await fetch(url, { method: form.method, body: get ? undefined : content, signal });
  return { page: new DOMParser().parseFromString(await answer.text(), "text/html"), answer };
}

// The answer is another page altogether. Redirected there, the act is done (or one must sign in again): go there.
// Otherwise it was refused: send it the ordinary way, which shows why.
function leave(form, submitter, answer) {
  if (answer.redirected) return location.assign(answer.url);
  form.removeAttribute("data-tap");
  form.requestSubmit(submitter);
}

function say(sentence) {
  const flash = document.getElementById("flash");
  if (!flash) return;
  const box = document.createElement("div");
  box.className = "flash flash-warning";
  box.append(Object.assign(document.createElement("p"), { textContent: sentence }));
  flash.replaceChildren(box);
}

// ---- Unsaved text --------------------------------------------------------------------------------------------------

function unsavedText() {
  let leaving = false;
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-tap], [data-live]")) leaving = true;
  });
  addEventListener("beforeunload", (event) => {
    if (!leaving && hasUnsavedText()) event.preventDefault();
  });
}

// A form that came back with errors (data-unsaved) holds text that exists nowhere else.
function hasUnsavedText() {
  if (document.querySelector("form[data-unsaved]")) return true;
  const fields = document.querySelectorAll("form[method=post]:not([data-live]) :is(textarea, input)");
  return [...fields].some((field) => isText(field) && field.type !== "password" && field.value !== field.defaultValue);
}

function isText(el) {
  const types = ["text", "search", "tel", "email", "number", "password", "date", "time", "url"];
  return el.tagName === "TEXTAREA" || (el.tagName === "INPUT" && types.includes(el.type));
}

// ---- Keyboard: / ? and g followed by a letter ----------------------------------------------------------------------

function keyboard() {
  const help = document.getElementById("help");
  const open = document.querySelector("[data-help]");
  const wanted = document.querySelector("[data-keys]");
  if (!help || !open || !wanted) return;
  open.hidden = false;
  open.addEventListener("click", () => help.showModal());
  // People who speak to their computer trigger letters by accident: the shortcuts can be turned off (WCAG 2.1.4).
  wanted.checked = localStorage.getItem("keys") !== "off";
  wanted.addEventListener("change", () => localStorage.setItem("keys", wanted.checked ? "on" : "off"));

  let chordUntil = 0;
  document.addEventListener("keydown", (event) => {
    if (!wanted.checked || event.ctrlKey || event.altKey || event.metaKey || help.open) return;
    if (isText(event.target) || event.target.tagName === "SELECT") return;
    const chord = performance.now() < chordUntil;
    chordUntil = 0;
    if (chord) return follow(event);
    if (event.key === "g") chordUntil = performance.now() + CHORD_MS;
    if (event.key === "?") act(event, () => help.showModal());
    if (event.key === "/") act(event, () => document.querySelector("input[type=search]")?.focus());
  });
}

function follow(event) {
  const link = [...document.querySelectorAll("[data-go]")].find((a) => a.dataset.go === event.key);
  if (link) act(event, () => link.click());
}

function act(event, doIt) {
  event.preventDefault();
  doIt();
}

// ---- Printing ------------------------------------------------------------------------------------------------------

function printing() {
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => print());
  }
}
