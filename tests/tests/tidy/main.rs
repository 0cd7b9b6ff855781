//! The layout rules of this code base, each one a test whose message says what to do.
//!
//! They look at the files of the workspace as text. What a compiler or clippy already refuses is not repeated here.
//! Beside the rules stand tests on planted files, which show for every rule that it can fail.

mod code;
mod layers;
mod words;

use tests::source::{CodePath, SourceFile};

#[track_caller]
fn assert_clean(breaches: Vec<String>, what_to_do: &str) {
    assert!(
        breaches.is_empty(),
        "{what_to_do}:\n  {}",
        breaches.join("\n  ")
    );
}

/// Does `path` lie in `wanted` (`std::net`), or does it name it anywhere (`SystemTime`)?
fn names(path: &CodePath, wanted: &str) -> bool {
    let wanted: Vec<&str> = wanted.split("::").collect();
    let begins =
        path.parts.len() >= wanted.len() && path.parts.iter().zip(&wanted).all(|(a, b)| a == b);
    let is_type = wanted.len() == 1 && wanted[0].starts_with(char::is_uppercase);
    begins || is_type && path.parts.iter().any(|part| part == wanted[0])
}

/// Checks how many breaches `rule` finds in a planted file.
#[track_caller]
fn check(rule: fn(&[SourceFile]) -> Vec<String>, path: &str, text: &str, breaches: usize) {
    let file = SourceFile {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let found = rule(&[file]);
    assert_eq!(found.len(), breaches, "{path}: {text}\n{found:?}");
}
