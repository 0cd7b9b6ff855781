// Runs the built programs on 127.0.0.1 and stops them: by a signal to their own process id, never by name.
//
// `serve --json` prints one line when the program can be reached: {"listening":"http://127.0.0.1:PORT"}.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const built = fileURLToPath(new URL("../../target/debug/", import.meta.url));

/** The two programs, built before by `cargo build --workspace --bins` (tests/run does). */
export const hub = path.join(built, "maison-hub");
export const node = path.join(built, "maison-node");

/** How long a program may take to answer at all. A slow machine needs a second; after this it hangs. */
const patience_ms = 30_000;

/** What still runs when the tests are over, or were broken off, ends with them. */
const running = new Set();
process.on("exit", () => running.forEach((program) => program.child.kill("SIGKILL")));

/**
 * A fresh data directory. When the test `context` (of node:test) ends, however it ends, what still runs on the directory
 * is ended and the directory removed: a program that outlived a failed test would keep the whole run from ending.
 */
export async function freshDirectory(context) {
  const directory = await mkdtemp(path.join(tmpdir(), "maison-"));
  context.after(async () => {
    const left = [...running].filter((program) => program.args.some((arg) => arg.startsWith(directory)));
    await Promise.all(left.map((program) => program.kill()));
    await rm(directory, { recursive: true, force: true });
  });
  return directory;
}

/** A program that serves its pages until it is stopped. */
export class Program {
  /** Starts `program serve` on the data directory and waits until it can be reached; `more` are further arguments. */
  static async serve(program, data, more = []) {
    return Program.start(program, ["serve", "--data", data, "--listen", "127.0.0.1:0", "--json", ...more]);
  }

  /** Starts any command that announces its address, and waits for that line. */
  static async start(program, args) {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: environment() });
    const self = new Program(program, args, child);
    child.stderr.setEncoding("utf8").on("data", (text) => (self.log += text));
    self.url = await self.#announced();
    return self;
  }

  constructor(program, args, child) {
    this.program = program;
    this.args = args;
    this.child = child;
    this.log = "";
    running.add(this);
    // Asked for here, since the event may come before anyone waits for it.
    this.ended = once(child, "exit").then(([code, signal]) => {
      running.delete(this);
      return { code, signal };
    });
  }

  /** The address of a page: `hub.page("/personnes")`. */
  page(pathname = "/") {
    return new URL(pathname, this.url).href;
  }

  /** Asks it to stop and waits; fails unless it ends well. */
  async stop() {
    this.child.kill("SIGTERM");
    const { code, signal } = await withDeadline(this.ended, `${this.program} did not stop`);
    assert.equal(code, 0, `${this.program} ended with ${signal ?? code}:\n${this.log}`);
  }

  /** Ends it as a power cut would. */
  async kill() {
    this.child.kill("SIGKILL");
    await this.ended;
  }

  /** Starts it again on the address that it had, as a laptop's service does. */
  async restart() {
    const at = this.args.indexOf("--listen");
    assert.notEqual(at, -1, "only a program that serves can be started again");
    const args = [...this.args];
    args[at + 1] = new URL(this.url).host;
    return Program.start(this.program, args);
  }

  async #announced() {
    const lines = createInterface({ input: this.child.stdout });
    const found = new Promise((resolve) => {
      lines.on("line", (line) => {
        const address = listening(line);
        if (address) resolve(address);
      });
    });
    const gone = this.ended.then(({ code, signal }) => {
      throw new Error(`${this.program} ended with ${signal ?? code} before it could be reached:\n${this.log}`);
    });
    try {
      return await withDeadline(Promise.race([found, gone]), `${this.program} announced no address`);
    } catch (error) {
      await this.kill();
      throw error;
    }
  }
}

/** Runs a command to its end and answers what it wrote; fails unless it exits with `code`. */
export async function run(program, args, { code = 0, input = "" } = {}) {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], env: environment() });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
  child.stdin.end(input);
  const [status, signal] = await withDeadline(once(child, "close"), `${program} ${args[0]} did not end`);
  assert.equal(status, code, `${program} ${args[0]} ended with ${signal ?? status}:\n${stdout}${stderr}`);
  return { stdout, stderr };
}

function listening(line) {
  try {
    return JSON.parse(line).listening;
  } catch {
    return undefined;
  }
}

/** This process's environment without settings of the programs, which would change what a test sees. */
function environment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("MAISON_")));
}

function withDeadline(promise, complaint) {
  const late = once(AbortSignal.timeout(patience_ms), "abort").then(() => {
    throw new Error(`${complaint} within ${patience_ms / 1000} s`);
  });
  return Promise.race([promise, late]);
}
