//! Reads the workspace's own files, for the tidy test: which files there are, and what in a Rust file is code.
//!
//! Not a parser: it tells code from comments and literals and follows paths (`a::b`, `use a::{b, c}`), which is all
//! that the layout rules ask about. It does not resolve names.

use std::fs;
use std::path::Path;

/// What holds nothing of ours (`.git` is a file in a linked work tree).
const FOREIGN: [&str; 4] = ["target", ".git", "node_modules", "artefacts"];

/// One file of the workspace, read as text.
pub struct SourceFile {
    /// Path from the workspace's root, with `/` between its parts.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// What a Rust file consists of once its comments are taken out. Both keep their places: line 7 stays line 7.
#[derive(Default)]
pub struct Rust {
    /// The code; literals are empty in it.
    pub code: String,
    /// The string literals with their quotes; everything else is white.
    pub literals: String,
}

/// A path in code such as `std::env::var` and the line that it stands in, counted from 1.
#[derive(Debug, PartialEq)]
pub struct CodePath {
    /// Line, from 1.
    pub line: usize,
    /// Its parts; a `use` tree gives one path for each of its leaves.
    pub parts: Vec<String>,
}

impl SourceFile {
    /// Is this a Rust file?
    #[must_use]
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The last part of the path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Its code without comments and literals.
    #[must_use]
    pub fn rust(&self) -> Rust {
        split(&self.text)
    }
}

/// Every text file of the workspace, by path.
///
/// # Panics
/// When the workspace cannot be read.
#[must_use]
pub fn workspace_files() -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests package lies in the workspace");
    let mut files = Vec::new();
    read_directory(root, "", &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn read_directory(directory: &Path, prefix: &str, files: &mut Vec<SourceFile>) {
    for entry in fs::read_dir(directory).expect("a directory of the workspace can be listed") {
        let entry = entry.expect("an entry of the workspace can be read");
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if FOREIGN.contains(&name.as_str()) {
            continue;
        }
        if entry.path().is_dir() {
            read_directory(&entry.path(), &format!("{path}/"), files);
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            // What is no UTF-8 (an image, a planted Windows-1252 file) has no words to check.
            files.push(SourceFile { path, text });
        }
    }
}

/// Tells code and literals apart and drops comments.
#[must_use]
pub fn split(text: &str) -> Rust {
    let chars: Vec<char> = text.chars().collect();
    let mut rust = Rust::default();
    let mut at = 0;
    while at < chars.len() {
        let (end, is_string) = match (chars[at], chars.get(at + 1)) {
            ('/', Some('/')) => (find(&chars, at, |c| c == '\n'), false),
            ('/', Some('*')) => (end_of_block_comment(&chars, at), false),
            ('"', _) => (end_of_string(&chars, at), true),
            ('r', Some('#' | '"')) if raw_string(&chars, at).is_some() => {
                (raw_string(&chars, at).unwrap_or(at + 1), true)
            }
            ('\'', Some('\\')) => (find(&chars, at + 3, |c| c == '\'') + 1, false),
            ('\'', _) if chars.get(at + 2) == Some(&'\'') => (at + 3, false),
            (other, _) => {
                rust.code.push(other);
                rust.literals.push(if other == '\n' { '\n' } else { ' ' });
                at += 1;
                continue;
            }
        };
        let skipped = &chars[at..end.min(chars.len())];
        at += skipped.len();
        let line_ends = skipped.iter().filter(|c| **c == '\n');
        if is_string {
            rust.code.push_str("\"\"");
            rust.literals.extend(skipped);
        } else {
            rust.literals.extend(line_ends.clone());
        }
        rust.code.extend(line_ends);
    }
    rust
}

fn find(chars: &[char], from: usize, wanted: impl Fn(char) -> bool) -> usize {
    (from..chars.len())
        .find(|&i| wanted(chars[i]))
        .unwrap_or(chars.len())
}

fn end_of_block_comment(chars: &[char], start: usize) -> usize {
    let mut depth = 0;
    let mut at = start;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn end_of_string(chars: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Where the raw string that begins at `start` ends; none when there is only the letter `r`.
fn raw_string(chars: &[char], start: usize) -> Option<usize> {
    let quote = find(chars, start + 1, |c| c != '#');
    let hashes = quote - start - 1;
    if chars.get(quote) != Some(&'"') {
        return None;
    }
    (quote + 1..chars.len())
        .find(|&i| {
            chars[i] == '"'
                && chars[i + 1..]
                    .iter()
                    .take_while(|c| **c == '#')
                    .take(hashes)
                    .count()
                    == hashes
        })
        .map(|end| end + 1 + hashes)
}

/// Every path and every single name in `code` (as made by [`split`]).
#[must_use]
pub fn paths(code: &str) -> Vec<CodePath> {
    let mut reader = Reader {
        chars: code.chars().collect(),
        at: 0,
        line: 1,
        found: Vec::new(),
    };
    while reader.at < reader.chars.len() {
        if starts_name(reader.chars[reader.at]) {
            reader.path(Vec::new());
        } else {
            reader.step();
        }
    }
    reader.found
}

fn starts_name(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    line: usize,
    found: Vec<CodePath>,
}

impl Reader {
    fn step(&mut self) {
        if self.chars[self.at] == '\n' {
            self.line += 1;
        }
        self.at += 1;
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn skip_white(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.step();
        }
    }

    /// Takes `::` and the white space around it, if that comes next.
    fn colons(&mut self) -> bool {
        let start = (self.at, self.line);
        self.skip_white();
        if self.chars[self.at..].starts_with(&[':', ':']) {
            self.at += 2;
            self.skip_white();
            return true;
        }
        (self.at, self.line) = start;
        false
    }

    /// Reads names joined by `::`, and the branches of a `use` tree.
    fn path(&mut self, mut parts: Vec<String>) {
        let line = self.line;
        loop {
            let start = self.at;
            while self
                .peek()
                .is_some_and(|c| starts_name(c) || c.is_numeric())
            {
                self.step();
            }
            let name: String = self.chars[start..self.at].iter().collect();
            if parts.is_empty() || name != "self" {
                parts.push(name);
            }
            if !self.colons() {
                break;
            }
            match self.peek() {
                Some('{') => return self.branches(&parts),
                Some(c) if starts_name(c) => {}
                _ => break,
            }
        }
        self.found.push(CodePath { line, parts });
    }

    fn branches(&mut self, stem: &[String]) {
        self.step();
        while let Some(c) = self.peek() {
            match c {
                '}' => return self.step(),
                '*' => {
                    let (line, parts) = (self.line, stem.to_vec());
                    self.found.push(CodePath { line, parts });
                    self.step();
                }
                c if starts_name(c) => {
                    self.path(stem.to_vec());
                    // `b as c`: the new name is no path.
                    while self.peek().is_some_and(|c| c != ',' && c != '}') {
                        self.step();
                    }
                }
                _ => self.step(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(code: &str) -> Vec<String> {
        paths(&split(code).code)
            .into_iter()
            .map(|p| format!("{} {}", p.line, p.parts.join("::")))
            .collect()
    }

    #[test]
    fn comments_and_literals_are_no_code() {
        let rust = split(
            "a // b\nc /* d /* e */ f */ g \"h \\\" i\" j r#\"k \" l\"# m 'n' '\\'' '\\u{41}' fn o<'p>()",
        );
        let names: Vec<_> = paths(&rust.code).iter().map(|p| p.parts.concat()).collect();
        assert_eq!(names, ["a", "c", "g", "j", "m", "fn", "o", "p"]);
        assert!(rust.literals.contains("h \\\" i") && rust.literals.contains("k \" l"));
        assert!(!rust.literals.contains('g'));
    }

    #[test]
    fn lines_keep_their_numbers() {
        let rust = split("/* 1\n2 */\n\"3\n4\"\nfive // 5\n\"six\"");
        assert_eq!(read("/* 1\n2 */\n\"3\n4\"\nfive // 5"), ["5 five"]);
        assert_eq!(rust.literals.lines().nth(5), Some("\"six\""));
    }

    #[test]
    fn use_trees_are_followed_to_their_leaves() {
        assert_eq!(
            read(
                "use crate::{\n  ledger::{self, Change as C},\n  domain::*,\n};\nstd :: env::var(x)"
            ),
            [
                "1 use",
                "2 crate::ledger",
                "2 crate::ledger::Change",
                "3 crate::domain",
                "5 std::env::var",
                "5 x"
            ]
        );
    }
}
