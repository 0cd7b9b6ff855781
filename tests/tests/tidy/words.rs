//! What people read: templates without inline style and script, French typography, no words from elsewhere.

use tests::source::{SourceFile, workspace_files};

use crate::assert_clean;

#[test]
fn nothing_names_what_is_not_in_the_repository() {
    assert_clean(
        strangers(&workspace_files()),
        "say it in words that a reader of this repository alone understands",
    );
}

fn strangers(files: &[SourceFile]) -> Vec<String> {
    // Put together here so that this file does not name them either.
    let words = [
        concat!("/wo", "rk/"),
        concat!("design", ".md"),
        concat!("domain", ".md"),
        concat!("style", ".md"),
    ];
    find_lines(files, |line| words.iter().any(|word| line.contains(word)))
}

#[test]
fn templates_hold_no_style_and_no_script() {
    assert_clean(
        inline_markup(&workspace_files()),
        "the content security policy forbids it: use a class and the style sheet, or the script file",
    );
}

fn inline_markup(files: &[SourceFile]) -> Vec<String> {
    let templates = files.iter().filter(|f| f.path.ends_with(".html"));
    let mut breaches = Vec::new();
    for file in templates {
        for (line, tag) in tags(&file.text) {
            let handler = tag.split_whitespace().any(|word| {
                word.starts_with("on")
                    && word[2..].split('=').next().is_some_and(is_letters)
                    && word.contains('=')
            });
            let script = tag.starts_with("script") && !tag.contains(" src=");
            if handler || script || tag.starts_with("style") || tag.contains(" style=") {
                breaches.push(format!("{}:{line}: <{tag}>", file.path));
            }
        }
    }
    breaches
}

#[test]
fn french_is_set_as_in_a_book() {
    assert_clean(
        typography(&workspace_files()),
        "write ’ for the apostrophe, and a no-break space (U+00A0) before : ; ! ? and inside « »",
    );
}

fn typography(files: &[SourceFile]) -> Vec<String> {
    let mut breaches = Vec::new();
    for file in files {
        let (text, is_template) = match file.path.rsplit('.').next() {
            Some("html") => (visible_text(&file.text), true),
            Some("rs") if !file.path.starts_with("tests/tests/tidy/") => {
                (file.rust().literals, false)
            }
            _ => continue,
        };
        for (number, line) in (1..).zip(text.lines()) {
            let chars: Vec<char> = line.chars().collect();
            let spaces = chars.windows(2).any(|pair| match pair {
                ['«', ' '] | [' ', '»'] => true,
                // In Rust these stand in SQL and in English as well.
                [' ', ':' | ';' | '!' | '?'] => is_template,
                _ => false,
            });
            let apostrophe = is_template
                && chars
                    .windows(3)
                    .any(|c| c[0].is_alphabetic() && c[1] == '\'' && c[2].is_alphabetic());
            if spaces || apostrophe {
                breaches.push(format!("{}:{number}: {}", file.path, line.trim()));
            }
        }
    }
    breaches
}

#[test]
fn the_lock_file_holds_no_addresses() {
    assert_clean(
        addresses(&workspace_files()),
        "run `npm install` in tests/browser, whose .npmrc leaves the addresses out",
    );
}

fn addresses(files: &[SourceFile]) -> Vec<String> {
    let locks: Vec<&SourceFile> = files
        .iter()
        .filter(|f| f.name() == "package-lock.json")
        .collect();
    locks
        .iter()
        .filter(|f| f.text.contains("\"resolved\""))
        .map(|f| f.path.clone())
        .collect()
}

fn find_lines(files: &[SourceFile], wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let in_file = |file: &SourceFile| -> Vec<String> {
        (1..)
            .zip(file.text.lines())
            .filter(|(_, line)| wanted(line))
            .map(|(number, line)| format!("{}:{number}: {}", file.path, line.trim()))
            .collect()
    };
    files.iter().flat_map(in_file).collect()
}

fn is_letters(word: &str) -> bool {
    word.chars().all(char::is_alphabetic)
}

/// The inside of every tag of a template with its line; attributes are parted by single spaces.
fn tags(html: &str) -> Vec<(usize, String)> {
    html.match_indices('<')
        .filter(|(at, _)| html[at + 1..].starts_with(char::is_alphabetic))
        .map(|(at, _)| {
            let inside = html[at + 1..].split('>').next().unwrap_or_default();
            let words: Vec<&str> = inside.split_whitespace().collect();
            (html[..at].lines().count().max(1), words.join(" "))
        })
        .collect()
}

/// A template without its tags, comments and askama parts; lines keep their numbers.
fn visible_text(html: &str) -> String {
    let mut text = html.to_owned();
    for (open, close) in [
        ("{#", "#}"),
        ("<!--", "-->"),
        ("{%", "%}"),
        ("{{", "}}"),
        ("<", ">"),
    ] {
        let mut rest = text.as_str();
        let mut kept = String::new();
        while let Some((before, after)) = rest.split_once(open) {
            let (inside, behind) = after.split_once(close).unwrap_or((after, ""));
            kept.push_str(before);
            // A stand-in, so that the space before an inserted value does not meet what follows it.
            kept.push('\u{fffc}');
            kept.extend(inside.chars().filter(|c| *c == '\n'));
            rest = behind;
        }
        kept.push_str(rest);
        text = kept;
    }
    text
}

/// Each rule fails on a planted breach and passes the nearest thing that is allowed.
mod planted {
    use super::*;
    use crate::check;

    #[test]
    fn strange_words_are_found() {
        check(strangers, "README.md", "see shared/src/lib.rs", 0);
        check(strangers, "README.md", concat!("see /wo", "rk/main"), 1);
    }

    #[test]
    fn inline_styles_and_scripts_are_found() {
        let path = "shared/src/desk/page.html";
        check(
            inline_markup,
            path,
            "<p class=\"a\">style= once=</p><script src=\"a.js\" defer></script>",
            0,
        );
        check(inline_markup, path, "<p\n  style=\"color: red\">", 1);
        check(inline_markup, path, "<style>", 1);
        check(inline_markup, path, "<script>let a;</script>", 1);
        check(inline_markup, path, "<button onclick=\"a()\">", 1);
        check(inline_markup, path, "<input once=\"a\" data-on=\"a\">", 1);
    }

    #[test]
    fn typewriter_french_is_found() {
        let path = "shared/src/desk/page.html";
        check(
            typography,
            path,
            "<p title=\"a : b\">L’atelier\u{a0}: « {{ name }} »</p>",
            1,
        );
        check(
            typography,
            path,
            "<p>«\u{a0}{{ name }}\u{a0}» {{ x ? 'y' }} l’an\u{a0}!</p>",
            0,
        );
        check(typography, path, "<p>l'atelier</p>", 1);
        check(typography, path, "<p>Qui ?</p>", 1);
        check(
            typography,
            "hub/src/a.rs",
            "let a = \"SELECT ? WHERE b = ?\"; // « a »",
            0,
        );
        check(typography, "hub/src/a.rs", "let a = \"« a »\";", 1);
    }

    #[test]
    fn addresses_in_the_lock_file_are_found() {
        check(
            addresses,
            "tests/browser/package-lock.json",
            "{\"integrity\": \"a\"}",
            0,
        );
        check(
            addresses,
            "tests/browser/package-lock.json",
            "{\"resolved\": \"a\"}",
            1,
        );
    }
}
