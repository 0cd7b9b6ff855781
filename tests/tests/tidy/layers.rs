//! Who may import whom: the layers of `shared`, and the packages of the workspace.
//!
//! The map that these rules hold to stands in shared/src/lib.rs.

use tests::source::{CodePath, SourceFile, paths, workspace_files};

use crate::{assert_clean, names};

/// What one layer of `shared` may name.
struct Layer {
    name: &'static str,
    /// Layers that it may import (itself included).
    uses: &'static [&'static str],
    /// Paths of other crates, or single names, that must not appear in it.
    never: &'static [&'static str],
}

/// From the lowest to the highest; see the map in shared/src/lib.rs.
const LAYERS: &[Layer] = &[
    Layer {
        name: "ids",
        // SQL columns hold ids, so the traits of rusqlite are implemented here, the one place that may.
        uses: BASE,
        never: &["automerge", "axum", "askama", "reqwest", "tokio"],
    },
    Layer {
        name: "time",
        uses: BASE,
        never: PURE,
    },
    Layer {
        name: "text",
        uses: BASE,
        never: PURE,
    },
    Layer {
        name: "domain",
        uses: &["ids", "time", "text", "domain"],
        never: PURE,
    },
    Layer {
        name: "ledger",
        uses: &["ids", "time", "text", "domain", "ledger"],
        never: &["axum", "askama", "reqwest"],
    },
    Layer {
        name: "document",
        uses: &["ids", "time", "text", "domain", "ledger", "document"],
        never: &[
            "rusqlite",
            "axum",
            "askama",
            "reqwest",
            "tokio",
            "getrandom",
            "rand",
            "std::fs",
            "std::net",
            "SystemTime",
            "Instant",
        ],
    },
    Layer {
        name: "view",
        uses: &[
            "ids", "time", "text", "domain", "ledger", "document", "view",
        ],
        never: &["axum", "askama", "reqwest"],
    },
    Layer {
        name: "site",
        uses: &[
            "ids", "time", "text", "domain", "ledger", "document", "view", "site",
        ],
        never: &["axum", "askama", "reqwest"],
    },
    Layer {
        name: "exchange",
        uses: &[
            "ids", "time", "text", "domain", "ledger", "document", "site", "exchange",
        ],
        // Bytes in, bytes out: no socket, no file and no clock of its own.
        never: &[
            "axum",
            "askama",
            "reqwest",
            "std::net",
            "std::fs",
            "tokio::net",
            "SystemTime",
            "Instant",
        ],
    },
    Layer {
        name: "request",
        uses: &["ids", "time", "text", "request"],
        never: &["rusqlite", "automerge", "askama", "reqwest", "std::fs"],
    },
    Layer {
        name: "desk",
        uses: &[
            "ids", "time", "text", "domain", "ledger", "document", "view", "exchange", "site",
            "request", "desk",
        ],
        never: &["reqwest"],
    },
    Layer {
        name: "joining",
        // Only the names of headers and status codes are axum's.
        uses: &["ids", "time", "text", "joining"],
        never: &[
            "askama",
            "reqwest",
            "tokio",
            "rusqlite",
            "automerge",
            "std::net",
            "std::fs",
        ],
    },
    Layer {
        name: "program",
        uses: &[
            "ids", "time", "text", "ledger", "site", "request", "program",
        ],
        never: &["reqwest", "askama", "rusqlite", "automerge"],
    },
];

const BASE: &[&str] = &["ids", "time", "text"];

/// Not for plain values and rules: stores, networks, randomness, files.
const PURE: &[&str] = &[
    "rusqlite",
    "automerge",
    "axum",
    "askama",
    "reqwest",
    "tokio",
    "getrandom",
    "rand",
    "zstd",
    "minicbor",
    "std::fs",
    "std::net",
];

#[test]
fn shared_imports_point_downward() {
    assert_clean(
        imports(&workspace_files()),
        "move the code to the layer that may know both, or hand the value in as an argument (map: shared/src/lib.rs)",
    );
}

fn imports(files: &[SourceFile]) -> Vec<String> {
    let mut breaches = Vec::new();
    for file in files.iter().filter(|f| f.is_rust()) {
        let Some(inside) = file.path.strip_prefix("shared/src/") else {
            continue;
        };
        let module = inside.trim_end_matches(".rs").trim_end_matches("/mod");
        let top = module.split('/').next().unwrap_or_default();
        let Some(layer) = LAYERS.iter().find(|l| l.name == top) else {
            if top != "lib" {
                breaches.push(format!(
                    "{}: no layer of this name is known to the tidy test",
                    file.path
                ));
            }
            continue;
        };
        let depth = module.split('/').count();
        for path in paths(&file.rust().code) {
            let upward = layer_named_by(&path, depth).filter(|used| !layer.uses.contains(used));
            let foreign = layer
                .never
                .iter()
                .copied()
                .find(|never| names(&path, never));
            if let Some(thing) = upward.or(foreign) {
                breaches.push(format!("{}:{}: {top} names {thing}", file.path, path.line));
            }
        }
    }
    breaches
}

/// The layer that `path` names from the root of the crate: by `crate::`, or by `super::` as often as the file is deep.
fn layer_named_by(path: &CodePath, depth: usize) -> Option<&'static str> {
    let ups = path.parts.iter().take_while(|p| *p == "super").count();
    let name = match path.parts.first().map(String::as_str) {
        Some("crate") => path.parts.get(1),
        Some("super") if ups >= depth => path.parts.get(ups),
        _ => None,
    }?;
    LAYERS.iter().map(|l| l.name).find(|layer| layer == name)
}

#[test]
fn the_programs_do_not_know_each_other() {
    assert_clean(
        manifests(&workspace_files()),
        "what both programs need belongs in shared; take the dependency out again",
    );
}

fn manifests(files: &[SourceFile]) -> Vec<String> {
    let forbidden = [
        ("shared/Cargo.toml", &["hub", "field-node", "tests"][..]),
        ("hub/Cargo.toml", &["field-node", "tests"]),
        ("field-node/Cargo.toml", &["hub", "tests"]),
    ];
    let mut breaches = Vec::new();
    for (path, packages) in forbidden {
        let lines = files
            .iter()
            .filter(|f| f.path == path)
            .flat_map(|f| f.text.lines());
        for line in lines {
            let key = line.split(['.', '=', ' ']).next().unwrap_or_default();
            if packages.contains(&key) {
                breaches.push(format!("{path}: {line}"));
            }
        }
    }
    breaches
}

#[test]
fn every_package_of_the_product_takes_the_lints() {
    assert_clean(
        lints(&workspace_files()),
        "add `[lints]` with `workspace = true` to the manifest",
    );
}

fn lints(files: &[SourceFile]) -> Vec<String> {
    let product = |f: &&SourceFile| {
        f.name() == "Cargo.toml" && f.path.contains('/') && !f.path.starts_with("tests/")
    };
    let without = |f: &&SourceFile| !f.text.contains("[lints]\nworkspace = true");
    files
        .iter()
        .filter(product)
        .filter(without)
        .map(|f| f.path.clone())
        .collect()
}

/// Each rule fails on a planted breach and passes the nearest thing that is allowed.
mod planted {
    use super::*;
    use crate::check;

    #[test]
    fn imports_upward_are_found() {
        let domain = "shared/src/domain/age.rs";
        check(imports, domain, "use crate::domain::person::Person;", 0);
        check(
            imports,
            domain,
            "// rusqlite, crate::ledger\nlet x = \"axum\";",
            0,
        );
        check(imports, domain, "use crate::ledger::Change;", 1);
        check(
            imports,
            domain,
            "use crate::{ids, ledger::Change, view};",
            2,
        );
        check(imports, domain, "fn f(c: &rusqlite::Connection) {}", 1);
        check(imports, domain, "use super::super::ledger::Change;", 1);
        check(imports, domain, "use super::person::Person;", 0);
        check(
            imports,
            "shared/src/ids.rs",
            "impl rusqlite::ToSql for A {}",
            0,
        );
        check(imports, "shared/src/text.rs", "use super::ledger;", 1);
        check(
            imports,
            "shared/src/ledger/mod.rs",
            "use super::document;",
            1,
        );
        check(
            imports,
            "shared/src/exchange/wire.rs",
            "use std::{io, net::TcpStream};",
            1,
        );
        check(
            imports,
            "shared/src/exchange/wire.rs",
            "fn f(at: std::time::SystemTime) {}",
            1,
        );
        check(
            imports,
            "shared/src/view/mod.rs",
            "use crate::exchange::Frame;",
            1,
        );
        check(imports, "shared/src/site.rs", "use crate::desk::Page;", 1);
        check(
            imports,
            "shared/src/desk/people.rs",
            "use crate::{site::Site, view::people};",
            0,
        );
        check(imports, "shared/src/attic.rs", "", 1);
        check(imports, "hub/src/lib.rs", "use shared::desk;", 0);
    }

    #[test]
    fn a_program_that_depends_on_the_other_is_found() {
        check(manifests, "hub/Cargo.toml", "shared.workspace = true", 0);
        check(
            manifests,
            "hub/Cargo.toml",
            "field-node.workspace = true",
            1,
        );
        check(
            manifests,
            "field-node/Cargo.toml",
            "hub = { path = \"x\" }",
            1,
        );
        check(manifests, "tests/Cargo.toml", "hub.workspace = true", 0);
    }

    #[test]
    fn a_package_without_lints_is_found() {
        check(lints, "hub/Cargo.toml", "[lints]\nworkspace = true\n", 0);
        check(lints, "hub/Cargo.toml", "[lints]\n", 1);
        check(lints, "tests/Cargo.toml", "", 0);
    }
}
