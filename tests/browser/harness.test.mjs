// Shows that the harness itself works: it sees what is wrong with a page, keeps pictures, and masters programs.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import http from "node:http";
import { after, before, test } from "node:test";
import { checkAccessibility, checkPage, expectNoErrors, launch, openPage, screenshot, visit } from "./browser.mjs";
import { Program, freshDirectory, run } from "./programs.mjs";

const sound = `<!doctype html><html lang="fr"><head><title>Essai</title></head>
<body><main><h1>Essai</h1><p id="when"></p></main></body></html>`;

const pages = {
  "/sound": sound,
  "/violation": sound.replace("</main>", `<img src="/picture.svg"></main>`),
  "/inline-script": sound.replace("</main>", "<script>document.title = ''</script></main>"),
  "/favicon.ico": " ",
  "/missing-picture": sound.replace("</main>", `<img src="/nowhere.svg" alt=""></main>`),
  "/picture.svg": `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>`,
};

let server;
let address;
let browser;

before(async () => {
  server = http.createServer((request, response) => {
    const body = pages[request.url];
    const type = request.url.endsWith(".svg") ? "image/svg+xml" : "text/html; charset=utf-8";
    // The policy of the product's pages, so that the harness is known to work under it.
    response.writeHead(body ? 200 : 404, { "content-type": type, "content-security-policy": "default-src 'self'" });
    response.end(body ?? sound);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  address = `http://127.0.0.1:${server.address().port}`;
  browser = await launch();
});

after(async () => {
  await browser?.close();
  server?.close();
});

test("a sound page passes, and its picture is kept", async () => {
  const page = await openPage(browser);
  await visit(page, `${address}/sound`);
  const file = await screenshot(page, "harness-sound");
  await rm(file);
  await checkPage(page, "harness-sound");
  const start = await readFile(file);
  assert.equal(start.subarray(1, 4).toString(), "PNG");
});

test("a planted violation of accessibility is found and named", async () => {
  const page = await openPage(browser);
  await visit(page, `${address}/violation`);
  await assert.rejects(checkAccessibility(page, "essai"), /« essai »[\s\S]*image-alt[\s\S]*<img/);
});

test("a breach of the content security policy is found", async () => {
  const page = await openPage(browser);
  await visit(page, `${address}/inline-script`);
  assert.throws(() => expectNoErrors(page), /Content Security Policy/);
  expectNoErrors(page);
});

test("a missing resource is found", async () => {
  const page = await openPage(browser);
  await visit(page, `${address}/missing-picture`);
  assert.throws(() => expectNoErrors(page), /nowhere\.svg/);
});

test("another status than the expected one fails a visit", async () => {
  const page = await openPage(browser);
  await visit(page, `${address}/nowhere`, 404);
  expectNoErrors(page);
  await assert.rejects(visit(page, `${address}/nowhere`));
});

test("pages are read in French and at Paris time", async () => {
  const page = await openPage(browser);
  await visit(page, `${address}/sound`);
  const noon = await page.evaluate(() => new Date(Date.UTC(2026, 6, 1, 10)).toLocaleString());
  assert.equal(noon, "01/07/2026 12:00:00");
});

// A stand-in for `serve --json`: announces its address, ends well when asked to.
const stand_in = `
  const at = process.argv[process.argv.indexOf("--listen") + 1].split(":");
  const server = require("node:http").createServer((q, a) => a.end("pid " + process.pid));
  server.listen(at[1], at[0], () => {
    console.log("not the line");
    console.log(JSON.stringify({ listening: "http://127.0.0.1:" + server.address().port }));
  });
  process.on("SIGTERM", () => process.exit(0));`;

test("a program is started, killed, started again on its address and stopped", async (context) => {
  const directory = await freshDirectory(context);
  const first = await Program.start(process.execPath, ["-e", stand_in, "--", "--listen", "127.0.0.1:0", directory]);
  assert.equal(await (await fetch(first.page("/x"))).text(), `pid ${first.child.pid}`);
  await first.kill();
  await assert.rejects(fetch(first.url));
  const second = await first.restart();
  assert.equal(second.url, first.url);
  assert.equal(await (await fetch(second.url)).text(), `pid ${second.child.pid}`);
  await second.stop();
});

test("a program that ends before it can be reached says why", async () => {
  const start = Program.start(process.execPath, ["-e", "console.error('disk full'); process.exitCode = 3"]);
  await assert.rejects(start, /ended with 3[\s\S]*disk full/);
});

test("a command's end and its words are checked", async () => {
  const echo = ["-e", "process.stdin.pipe(process.stdout)"];
  assert.equal((await run(process.execPath, echo, { input: "bonjour" })).stdout, "bonjour");
  await assert.rejects(run(process.execPath, ["-e", "process.exitCode = 4"]), /ended with 4/);
  await run(process.execPath, ["-e", "process.exitCode = 4"], { code: 4 });
});
