//! A rough line between real programs: the kernel's own, in a network namespace of the test's own, that is slow, loses
//! packets and goes dead.
//!
//! `link` and `shaped` sit between the programs and see bytes; here nothing sits in between. What is lost are packets,
//! which TCP sends again, and a dead line is silence: no end of a connection, no refusal. [`alone`] runs a test in a
//! namespace whose loopback only it and its children see; [`RoughLine`] spoils in it what goes to and from one port,
//! and nothing else, so that the pages of a laptop stay quick. Needs Linux, `unshare`, `ip`, `tc` (htb) and `nft`.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use serde_json::Value;

/// In the environment of a test that is alone already.
const IS_ALONE: &str = "MAISON_ALONE";
/// Whoever sets this to `required` takes a machine that has no namespaces for a failure.
const REQUIRED: &str = "MAISON_NAMESPACES";
/// The namespace of a test. Packets as on a real line: 1 500 bytes, and none that stands for many.
const BEGINNING: [&str; 3] = [
    "ip link set lo up mtu 1500 gso_max_segs 1",
    "tc qdisc add dev lo root handle 1: htb",
    "nft add table inet line",
];
/// Where Debian keeps `ip`, `tc` and `nft`, which is not where people who are not root look.
const MORE_PATH: &str = "/usr/sbin:/sbin";
/// What an unspoilt line carries; the kernel wants some number.
const LOOP_BITS_S: u64 = 1_000_000_000;
/// Bytes that wait at a slow line before it drops what comes: some seconds of it, as mobile networks keep.
const QUEUE_BYTES: u64 = 12_000;

/// Runs the rest of a test in a network namespace of its own: the test's executable anew, for this test only.
///
/// On a machine that has none the test says so and passes, unless `MAISON_NAMESPACES=required`.
///
/// # Panics
/// When the test fails in there; with what it wrote.
#[track_caller]
pub fn alone(test: &str, body: impl FnOnce()) {
    if std::env::var_os(IS_ALONE).is_some() {
        for words in BEGINNING {
            run(words, "");
        }
        return body();
    }
    if let Err(why) = trial() {
        let is_required = std::env::var(REQUIRED).is_ok_and(|value| value == "required");
        assert!(
            !is_required,
            "this machine has no network namespaces: {why}"
        );
        // Not by `eprintln!`, which the test runner keeps to itself when a test passes.
        let words = format!("NOT RUN: {test}: this machine has no network namespaces: {why}\n");
        let _ = std::io::stderr().write_all(words.as_bytes());
        return;
    }
    let executable = std::env::current_exe().expect("a test knows its own path");
    let mut again = unshare();
    again.arg(executable).args(["--exact", test, "--nocapture"]);
    again.env(IS_ALONE, "1");
    let ended = again.output().expect("unshare has been tried");
    let [out, err] = [&ended.stdout, &ended.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(ended.status.success(), "alone:\n{out}\n{err}");
    assert!(out.contains("1 passed"), "no test is called {test}:\n{out}");
    println!("{out}\n{err}");
}

/// Whether this machine can do it; else what it says.
fn trial() -> Result<(), String> {
    let tried = unshare()
        .args(["sh", "-c", &BEGINNING.join(" && ")])
        .output();
    let tried = tried.map_err(|error| format!("unshare: {error}"))?;
    let words = String::from_utf8_lossy(&tried.stderr).trim().to_owned();
    tried.status.success().then_some(()).ok_or(words)
}

/// `unshare`, to be told what to run.
fn unshare() -> Command {
    let mut command = tool("unshare");
    command.arg("--net");
    // Who is not root becomes it, in a user namespace of their own.
    if std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() != 0) {
        command.arg("--map-root-user");
    }
    command.arg("--");
    command
}

fn tool(name: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(name);
    command.env("PATH", format!("{path}:{MORE_PATH}"));
    command
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug)]
pub struct Rough {
    /// Bits a second to the hub.
    pub up_bits_s: u64,
    /// Bits a second from the hub.
    pub down_bits_s: u64,
    /// Of a hundred packets, either way, so many are lost.
    pub lost_percent: u8,
}

/// What has arrived at the end of a line or been lost on it, in bytes of packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wire {
    /// From laptops to the hub.
    pub up: u64,
    /// From the hub to laptops.
    pub down: u64,
    /// Lost, of both.
    pub lost: u64,
}

/// The line to one port of 127.0.0.1, in a namespace of the test's own. It starts good.
pub struct RoughLine {
    port: u16,
}

impl RoughLine {
    /// The line to the hub on this port.
    ///
    /// # Panics
    /// When the kernel does not do what [`alone`] has tried.
    #[must_use]
    pub fn to(port: u16) -> Self {
        let line = Self { port };
        run(
            "nft -f -",
            &format!(
                "table inet line {{
                    counter up {{ }}
                    counter down {{ }}
                    counter lost {{ }}
                    chain leaving {{
                        type filter hook output priority 0;
                        tcp dport {port} meta priority set 1:1
                        tcp sport {port} meta priority set 1:2
                    }}
                    chain arriving {{ type filter hook input priority 0; }}
                }}"
            ),
        );
        line.mend();
        line
    }

    /// Spoils the line.
    ///
    /// # Panics
    /// As [`RoughLine::to`].
    pub fn spoil(&self, rough: Rough) {
        self.pace(1, rough.up_bits_s);
        self.pace(2, rough.down_bits_s);
        self.lose(&format!("numgen random mod 100 < {}", rough.lost_percent));
    }

    /// Lets nothing pass from now on. Connections stay open, and nobody is told.
    ///
    /// # Panics
    /// As [`RoughLine::to`].
    pub fn go_dead(&self) {
        self.lose("");
    }

    /// Makes the line a good one.
    ///
    /// # Panics
    /// As [`RoughLine::to`].
    pub fn mend(&self) {
        self.spoil(Rough {
            up_bits_s: LOOP_BITS_S,
            down_bits_s: LOOP_BITS_S,
            lost_percent: 0,
        });
    }

    /// What has passed until now.
    ///
    /// # Panics
    /// As [`RoughLine::to`].
    #[must_use]
    pub fn wire(&self) -> Wire {
        let listed = run("nft -j list counters", "");
        let listed: Value = serde_json::from_str(&listed).expect("nft writes JSON");
        let bytes = |name: &str| {
            let all = listed["nftables"].as_array().into_iter().flatten();
            let mut named = all.filter(|object| object["counter"]["name"] == name);
            let counter = named.next().expect("a counter of ours");
            counter["counter"]["bytes"].as_u64().expect("a number")
        };
        Wire {
            up: bytes("up"),
            down: bytes("down"),
            lost: bytes("lost"),
        }
    }

    fn pace(&self, class: u8, bits_s: u64) {
        let pace = format!("rate {bits_s}bit ceil {bits_s}bit burst 200 cburst 200");
        run(
            &format!("tc class replace dev lo parent 1: classid 1:{class} htb {pace} quantum 1600"),
            "",
        );
        run(
            &format!("tc qdisc replace dev lo parent 1:{class} bfifo limit {QUEUE_BYTES}"),
            "",
        );
    }

    /// Loses the packets that meet a condition; all if there is none.
    fn lose(&self, condition: &str) {
        let port = self.port;
        let lost = format!("{condition} counter name lost drop");
        run(
            "nft -f -",
            &format!(
                "flush chain inet line arriving
                 add rule inet line arriving tcp dport {port} {lost}
                 add rule inet line arriving tcp sport {port} {lost}
                 add rule inet line arriving tcp dport {port} counter name up
                 add rule inet line arriving tcp sport {port} counter name down"
            ),
        );
    }
}

/// Runs a command, given `input`; what it printed.
#[track_caller]
fn run(words: &str, input: &str) -> String {
    let mut words_of = words.split(' ');
    let mut command = tool(words_of.next().expect("a name"));
    command.args(words_of).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it has been tried");
    let mut stdin = child.stdin.take().expect("asked for above");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    let ended = child.wait_with_output().expect("it ends");
    let err = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{words}: {err}\n{input}");
    String::from_utf8_lossy(&ended.stdout).into_owned()
}
