//! The two programs as processes: built once, started, reached at the address they announce, stopped or killed.
//!
//! `serve --json` prints one line when the program can be reached: `{"listening":"http://127.0.0.1:PORT"}`. A program
//! that a test forgets is killed when its value is dropped. Data directories are the test's own (`tempfile`).

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use crate::usage;

/// How long a program may take to answer at all. A busy machine needs a second or two; after this it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// The path of `maison-hub`, built from the present sources.
#[must_use]
pub fn hub() -> &'static Path {
    &built()[0]
}

/// The path of `maison-node`, built from the present sources.
#[must_use]
pub fn node() -> &'static Path {
    &built()[1]
}

/// The path of the library that makes a disk fail, built from the present sources; see [`crate::faulty_disk`].
#[must_use]
pub fn faulty_disk() -> &'static Path {
    &built()[2]
}

/// Builds the programs, and the library that is preloaded into them, once per test executable, in the profile of the
/// tests: cargo itself builds a program for the tests of its own package only.
fn built() -> &'static [PathBuf; 3] {
    static BUILT: OnceLock<[PathBuf; 3]> = OnceLock::new();
    BUILT.get_or_init(|| {
        let executable = std::env::current_exe().expect("a test knows its own path");
        // target/debug/deps/NAME-HASH
        let directory = executable.ancestors().nth(2).expect("cargo's layout");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        // The same features as in tests/run, which has built it all before.
        build.args(["build", "--quiet", "--workspace"]);
        if directory.ends_with("release") {
            build.arg("--release");
        }
        // What cargo tells a test of its package makes the build script of `ring` run again, here and at the next
        // `cargo test`, and with it half of the workspace.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                build.env_remove(name);
            }
        }
        build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let status = build.status().expect("cargo can be run");
        assert!(status.success(), "the programs do not build");
        ["maison-hub", "maison-node", "libfaulty_disk.so"].map(|name| directory.join(name))
    })
}

/// Environment variables that a program gets besides those of the test.
pub type Variables = [(&'static str, OsString)];

/// What a command that ran to its end left behind.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote for scripts.
    pub stdout: String,
    /// What it wrote for people.
    pub stderr: String,
    /// Processor seconds that it used, as far as the kernel still knew.
    pub cpu_s: Option<f64>,
}

impl Finished {
    /// Itself, once it is known to have succeeded.
    ///
    /// # Panics
    /// When the exit code is not 0; with all that the command wrote.
    #[track_caller]
    #[must_use]
    pub fn success(self) -> Self {
        assert_eq!(self.code, Some(0), "the command failed: {self:?}");
        self
    }

    /// The one JSON value that it printed (`--json`).
    ///
    /// # Panics
    /// When what it printed is no JSON.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("no JSON ({e}): {self:?}"))
    }
}

/// Runs `program` with these arguments to its end.
///
/// # Panics
/// When it cannot be started or does not end.
#[track_caller]
#[must_use]
pub fn run(program: &Path, arguments: &[&str]) -> Finished {
    run_within(PATIENCE, program, arguments)
}

/// The same with another patience, for what takes long on a slow line.
///
/// # Panics
/// As [`run`].
#[track_caller]
#[must_use]
pub fn run_within(patience: Duration, program: &Path, arguments: &[&str]) -> Finished {
    Process::spawn(program, arguments, &[]).finish(patience)
}

/// As [`run`], with further environment variables.
///
/// # Panics
/// As [`run`].
#[track_caller]
#[must_use]
pub fn run_with(variables: &Variables, program: &Path, arguments: &[&str]) -> Finished {
    Process::spawn(program, arguments, variables).finish(PATIENCE)
}

/// A program that serves until it is stopped.
pub struct Program {
    process: Process,
    address: SocketAddr,
    scheme: &'static str,
}

impl Program {
    /// Runs `program serve` on this data directory, on a port that the system chooses; `more` are further arguments.
    ///
    /// # Panics
    /// When it ends or keeps silent instead of announcing its address; with what it wrote.
    #[track_caller]
    #[must_use]
    pub fn serve(program: &Path, data: &Path, more: &[&str]) -> Self {
        Self::start(program, &serving(data, more))
    }

    /// As [`Program::serve`], with further environment variables; or what a program left behind that ended instead.
    ///
    /// # Errors
    /// The program that has ended.
    ///
    /// # Panics
    /// When it keeps silent.
    #[track_caller]
    pub fn try_serve(
        variables: &Variables,
        program: &Path,
        data: &Path,
    ) -> Result<Self, Box<Finished>> {
        let process = Process::spawn(program, &serving(data, &[]), variables);
        match process.stdout.first(PATIENCE, announced_address) {
            Ok((scheme, address)) => Ok(Self {
                process,
                address,
                scheme,
            }),
            Err(Missing::Ended) => Err(Box::new(process.finish(PATIENCE))),
            Err(Missing::Silent) => panic!("{} announced no address", process.name),
        }
    }

    /// Runs any command that announces its address.
    ///
    /// # Panics
    /// As [`Program::serve`].
    #[track_caller]
    #[must_use]
    pub fn start(program: &Path, arguments: &[&str]) -> Self {
        let mut process = Process::spawn(program, arguments, &[]);
        match process.stdout.first(PATIENCE, announced_address) {
            Ok((scheme, address)) => Self {
                process,
                address,
                scheme,
            },
            Err(why) => {
                process.kill();
                process.stderr.wait_for_end(PATIENCE);
                let why = match why {
                    Missing::Ended => "ended before it could be reached",
                    Missing::Silent => "announced no address",
                };
                panic!("{} {why}:\n{}", process.name, process.stderr.text());
            }
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.child.id()
    }

    /// The URL of a page: `program.page("/personnes")`.
    #[must_use]
    pub fn page(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// What it has logged until now.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.stderr.text()
    }

    /// Ends it as a power cut would (SIGKILL), and waits until it is gone.
    pub fn kill(mut self) {
        self.process.kill();
    }

    /// Asks it to stop (SIGTERM), waits, and answers its exit status and its log.
    ///
    /// # Panics
    /// When it does not stop.
    #[track_caller]
    pub fn stop(mut self) -> (ExitStatus, String) {
        self.process.terminate();
        let status = self.process.wait();
        (status, self.process.stderr.text())
    }
}

fn serving<'a>(data: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let data = data
        .to_str()
        .expect("temporary directories have plain names");
    let mut arguments = vec!["serve", "--data", data, "--listen", "127.0.0.1:0", "--json"];
    arguments.extend(more);
    arguments
}

fn announced_address(line: &str) -> Option<(&'static str, SocketAddr)> {
    let value: serde_json::Value = serde_json::from_str(line).ok()?;
    let (scheme, address) = value.get("listening")?.as_str()?.split_once("://")?;
    let scheme = ["http", "https"].into_iter().find(|s| *s == scheme)?;
    Some((scheme, address.trim_end_matches('/').parse().ok()?))
}

/// A child process whose output is read as it comes, so that a full pipe never stops it.
struct Process {
    name: String,
    child: Child,
    stdout: Output,
    stderr: Output,
}

impl Process {
    #[track_caller]
    fn spawn(program: &Path, arguments: &[&str], variables: &Variables) -> Self {
        let mut command = Command::new(program);
        command.args(arguments);
        // Settings of whoever runs the tests must not change what they see.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MAISON_") {
                command.env_remove(name);
            }
        }
        command
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|e| panic!("{} cannot be run: {e}", program.display()));
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        Self {
            name: format!("{name} {}", arguments.first().unwrap_or(&"")),
            stdout: Output::of(child.stdout.take().expect("asked for above")),
            stderr: Output::of(child.stderr.take().expect("asked for above")),
            child,
        }
    }

    /// Waits for its end and tells what it left behind.
    #[track_caller]
    fn finish(mut self, patience: Duration) -> Finished {
        self.wait_for_end(patience);
        // Between its end and the moment at which it is waited for, the kernel keeps its figures.
        let cpu_s = usage::cpu_s(self.child.id());
        let status = self.wait();
        Finished {
            code: status.code(),
            stdout: self.stdout.text(),
            stderr: self.stderr.text(),
            cpu_s,
        }
    }

    /// Waits for its end; which shows when it closes its outputs.
    #[track_caller]
    fn wait(&mut self) -> ExitStatus {
        self.wait_for_end(PATIENCE);
        self.child.wait().expect("a child can be waited for")
    }

    #[track_caller]
    fn wait_for_end(&mut self, patience: Duration) {
        if !(self.stdout.wait_for_end(patience) && self.stderr.wait_for_end(patience)) {
            self.kill();
            panic!("{} did not end:\n{}", self.name, self.stderr.text());
        }
    }

    fn kill(&mut self) {
        // Both fail only when it has ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn terminate(&self) {
        // The standard library knows SIGKILL only; every shell has `kill` built in.
        let status = Command::new("sh")
            .args(["-c", &format!("kill -TERM {}", self.child.id())])
            .status();
        assert!(
            status.is_ok_and(|s| s.success()),
            "{} cannot be signalled",
            self.name
        );
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What a process writes to one of its outputs.
struct Output {
    text: Arc<Mutex<String>>,
    lines: Receiver<String>,
}

impl Output {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let (sender, lines) = channel();
        let kept = Arc::clone(&text);
        thread::spawn(move || keep_lines(pipe, &kept, &sender));
        Self { text, lines }
    }

    fn text(&self) -> String {
        self.text.lock().expect("the reader does not panic").clone()
    }

    /// The first line that `wanted` makes something of, or why there is none.
    fn first<T>(
        &self,
        patience: Duration,
        wanted: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Missing> {
        loop {
            match self.lines.recv_timeout(patience) {
                Ok(line) => {
                    if let Some(found) = wanted(&line) {
                        return Ok(found);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Err(Missing::Ended),
                Err(RecvTimeoutError::Timeout) => return Err(Missing::Silent),
            }
        }
    }

    /// Waits until the output is closed; false when it is still open and silent after the time allowed.
    fn wait_for_end(&self, patience: Duration) -> bool {
        matches!(self.first(patience, |_| None::<()>), Err(Missing::Ended))
    }
}

/// Why a line did not come.
enum Missing {
    Ended,
    Silent,
}

fn keep_lines(pipe: impl Read, text: &Mutex<String>, lines: &Sender<String>) {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while pipe.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        let words = String::from_utf8_lossy(&line).into_owned();
        text.lock().expect("nobody panics with it").push_str(&words);
        // Nobody may be listening any more.
        let _ = lines.send(words);
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    const SHELL: &str = "/bin/sh";
    const SERVES: &str = r#"echo noise; echo '{"listening":"http://127.0.0.1:9"}'; echo ready >&2; exec tail -f /dev/null"#;

    #[test]
    fn both_programs_and_the_library_are_built() {
        assert!(built().iter().all(|file| file.is_file()));
    }

    #[test]
    fn a_program_is_reached_at_the_address_it_announces() {
        let program = Program::start(Path::new(SHELL), &["-c", SERVES]);
        assert_eq!(program.page("/personnes"), "http://127.0.0.1:9/personnes");
        let (status, log) = program.stop();
        assert_eq!((status.signal(), log.as_str()), (Some(15), "ready\n"));
    }

    #[test]
    fn a_killed_program_is_gone() {
        let program = Program::start(Path::new(SHELL), &["-c", SERVES]);
        let process = format!("/proc/{}", program.process.child.id());
        assert!(Path::new(&process).exists());
        program.kill();
        assert!(!Path::new(&process).exists());
    }

    #[test]
    #[should_panic(expected = "ended before it could be reached:\ndisk full")]
    fn a_program_that_ends_at_once_says_why() {
        let _ = Program::start(Path::new(SHELL), &["-c", "echo disk full >&2; exit 3"]);
    }

    #[test]
    fn a_command_answers_its_words_and_its_code() {
        let finished = run(
            Path::new(SHELL),
            &["-c", "echo '[1]'; echo why >&2; exit 4"],
        );
        assert_eq!(
            (finished.code, finished.stderr.as_str()),
            (Some(4), "why\n")
        );
        assert_eq!(finished.json(), serde_json::json!([1]));
    }
}
