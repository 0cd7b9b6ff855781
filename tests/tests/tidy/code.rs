//! What Rust files must hold and must not: headers, clock, environment, names, length of `main.rs`, sleeping tests.

use tests::source::{SourceFile, paths, workspace_files};

use crate::{assert_clean, names};

/// Files that may read the machine's clock, and why.
const CLOCK_READERS: &[(&str, &str)] = &[
    ("shared/src/time.rs", "it is the clock that all others ask"),
    (
        "shared/src/ids.rs",
        "a fresh UUIDv7 holds the time of its drawing",
    ),
];

const NAMES_THAT_SAY_NOTHING: [&str; 9] = [
    "util", "utils", "helper", "helpers", "common", "misc", "manager", "managers", "stuff",
];

/// A line of `main.rs` more than this is logic that belongs in the library, where tests reach it.
const MAIN_LINES_MAX: usize = 100;

#[test]
fn every_rust_file_says_what_it_is_for() {
    assert_clean(
        headers(&workspace_files()),
        "begin the file with `//!`: what it does and what it deliberately does not",
    );
}

fn headers(files: &[SourceFile]) -> Vec<String> {
    let bare = |f: &&SourceFile| f.is_rust() && !f.text.starts_with("//! ");
    files.iter().filter(bare).map(|f| f.path.clone()).collect()
}

#[test]
fn only_the_clock_reads_the_time() {
    assert_clean(
        clock_readers(&workspace_files()),
        "take a `Timestamp` as an argument, or ask a `Clock`; for a new reader add the file and the reason to CLOCK_READERS",
    );
}

fn clock_readers(files: &[SourceFile]) -> Vec<String> {
    let allowed = |f: &SourceFile| CLOCK_READERS.iter().any(|(path, _)| *path == f.path);
    let mut breaches = Vec::new();
    for file in product_code(files).filter(|f| !allowed(f)) {
        let rust = file.rust();
        for path in paths(&rust.code) {
            let tail: Vec<&str> = path
                .parts
                .iter()
                .rev()
                .take(2)
                .map(String::as_str)
                .collect();
            if let ["now", "SystemTime" | "Instant" | "Timestamp" | "Zoned"] | ["now_v7", ..] =
                tail[..]
            {
                breaches.push(format!(
                    "{}:{}: {}",
                    file.path,
                    path.line,
                    path.parts.join("::")
                ));
            }
        }
        for (number, line) in (1..).zip(rust.literals.lines()) {
            if ["CURRENT_TIMESTAMP", "'now'", "unixepoch()"]
                .iter()
                .any(|sql| line.contains(sql))
            {
                breaches.push(format!("{}:{number}: SQL that reads the time", file.path));
            }
        }
    }
    breaches
}

#[test]
fn only_the_configuration_reads_the_environment() {
    assert_clean(
        environment_readers(&workspace_files()),
        "read it in the program's config.rs (clap's `env` does) and pass the value on",
    );
}

fn environment_readers(files: &[SourceFile]) -> Vec<String> {
    product_code(files)
        .filter(|f| !["config.rs", "main.rs"].contains(&f.name()))
        .flat_map(|f| {
            paths(&f.rust().code)
                .into_iter()
                .filter(|path| names(path, "std::env"))
                .map(|path| format!("{}:{}", f.path, path.line))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn names_say_what_a_file_is() {
    assert_clean(
        empty_names(&workspace_files()),
        "name the file after the thing in it",
    );
}

fn empty_names(files: &[SourceFile]) -> Vec<String> {
    let says_nothing =
        |part: &str| NAMES_THAT_SAY_NOTHING.contains(&part.split('.').next().unwrap_or_default());
    files
        .iter()
        .filter(|f| f.path.split('/').any(says_nothing))
        .map(|f| f.path.clone())
        .collect()
}

#[test]
fn main_only_starts_the_library() {
    assert_clean(
        long_mains(&workspace_files()),
        "move what main.rs does into the library, where tests reach it",
    );
}

fn long_mains(files: &[SourceFile]) -> Vec<String> {
    product_code(files)
        .filter(|f| f.name() == "main.rs")
        .map(|f| (f, f.text.lines().count()))
        .filter(|(_, lines)| *lines > MAIN_LINES_MAX)
        .map(|(f, lines)| format!("{}: {lines} lines", f.path))
        .collect()
}

#[test]
fn no_test_sleeps() {
    assert_clean(
        sleepers(&workspace_files()),
        "wait for the event itself (a channel, a line of output, a state), with a deadline that fails the test",
    );
}

fn sleepers(files: &[SourceFile]) -> Vec<String> {
    let mut breaches = Vec::new();
    for file in files {
        if file.is_rust() {
            let code = file.rust().code;
            let tests_begin = if is_test_code(file) {
                Some(1)
            } else {
                line_of(&code, "#[cfg(test)]")
            };
            let Some(first) = tests_begin else { continue };
            for path in paths(&code) {
                if path.line >= first && path.parts.last().is_some_and(|name| name == "sleep") {
                    breaches.push(format!("{}:{}", file.path, path.line));
                }
            }
        } else if file.path.ends_with(".mjs") {
            let waits = ["sleep(", "setTimeout(", "waitForTimeout("];
            for (number, line) in (1..).zip(file.text.lines()) {
                if waits.iter().any(|wait| line.contains(wait)) {
                    breaches.push(format!("{}:{number}", file.path));
                }
            }
        }
    }
    breaches
}

/// Rust files of the programs and of what they share.
fn product_code(files: &[SourceFile]) -> impl Iterator<Item = &SourceFile> {
    files.iter().filter(|f| f.is_rust() && !is_test_code(f))
}

/// Rust files that are tests as a whole.
fn is_test_code(file: &SourceFile) -> bool {
    file.path.starts_with("tests/") || file.path.contains("/tests/") || file.name() == "tests.rs"
}

fn line_of(text: &str, wanted: &str) -> Option<usize> {
    (1..)
        .zip(text.lines())
        .find(|(_, line)| line.contains(wanted))
        .map(|(number, _)| number)
}

/// Each rule fails on a planted breach and passes the nearest thing that is allowed.
mod planted {
    use super::*;
    use crate::check;

    #[test]
    fn headers_are_missed() {
        check(headers, "hub/src/a.rs", "//! What it is for.\n", 0);
        check(headers, "hub/src/a.rs", "// What it is for.\n", 1);
        check(headers, "hub/src/a.rs", "use std::fs;\n\n//! Late.\n", 1);
        check(headers, "hub/src/a.html", "<p>", 0);
    }

    #[test]
    fn clock_readers_are_found() {
        let path = "hub/src/devices.rs";
        check(clock_readers, path, "let now = clock.now();", 0);
        check(
            clock_readers,
            path,
            "let now = std::time::SystemTime::now();",
            1,
        );
        check(clock_readers, path, "let now = jiff::Zoned::now();", 1);
        check(clock_readers, path, "let id = Uuid::now_v7();", 1);
        check(
            clock_readers,
            path,
            "execute(\"SELECT datetime('now')\")",
            1,
        );
        check(clock_readers, "shared/src/time.rs", "SystemTime::now()", 0);
        check(clock_readers, "tests/src/program.rs", "Instant::now()", 0);
    }

    #[test]
    fn environment_readers_are_found() {
        check(
            environment_readers,
            "hub/src/config.rs",
            "std::env::var(\"A\")",
            0,
        );
        check(
            environment_readers,
            "hub/src/backup.rs",
            "env!(\"CARGO_PKG_VERSION\")",
            0,
        );
        check(
            environment_readers,
            "hub/src/backup.rs",
            "std::env::var(\"A\")",
            1,
        );
        check(
            environment_readers,
            "hub/src/backup.rs",
            "use std::{env, fs};",
            1,
        );
    }

    #[test]
    fn names_that_say_nothing_are_found() {
        check(empty_names, "hub/src/devices.rs", "", 0);
        check(empty_names, "hub/src/utils.rs", "", 1);
        check(empty_names, "tests/browser/helpers/page.mjs", "", 1);
    }

    #[test]
    fn a_long_main_is_found() {
        check(
            long_mains,
            "hub/src/main.rs",
            &"\n".repeat(MAIN_LINES_MAX),
            0,
        );
        check(
            long_mains,
            "hub/src/main.rs",
            &"\n".repeat(MAIN_LINES_MAX + 1),
            1,
        );
    }

    #[test]
    fn sleeping_tests_are_found() {
        check(
            sleepers,
            "hub/src/a.rs",
            "fn f() { sleep(d) }\n#[cfg(test)]\nmod tests {}",
            0,
        );
        check(
            sleepers,
            "hub/src/a.rs",
            "#[cfg(test)]\nmod tests { fn f() { tokio::time::sleep(d) } }",
            1,
        );
        check(sleepers, "tests/tests/a.rs", "use std::thread::sleep;", 1);
        check(sleepers, "tests/tests/a.rs", "// sleep(1)", 0);
        check(
            sleepers,
            "tests/browser/a.test.mjs",
            "await page.waitForTimeout(200)",
            1,
        );
    }
}
