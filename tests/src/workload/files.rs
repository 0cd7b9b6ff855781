//! Reads operations from JSON lines, plain or gzip.
//!
//! ```text
//! {"op":"create","id":…,"doc":{"kind":…,field:…}}      makes one document in one edit
//! {"op":"set","id":…,"sets":[[[path…],value],…]}        one edit of one document
//! {"id":…,"kind":…,field:…}                             a document as it must end (expected-*.jsonl)
//! ```

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_json::{Map, Value};
use shared::document::Kind;
use uuid::Uuid;

use super::{LAPTOPS, Op, Set, Work, WorkError};

/// Maps of a session in the order in which they are written: a mark belongs to a registration.
const MAPS: [&str; 3] = ["registrations", "attendance", "evaluation"];

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Line {
    Create {
        id: Uuid,
        doc: Map<String, Value>,
    },
    Set {
        id: Uuid,
        sets: Vec<(Vec<String>, Value)>,
    },
}

pub(super) fn read(directory: &Path) -> Result<Work, WorkError> {
    let operations = |name: &str| lines(directory, name, operation);
    let documents = |name: &str| lines(directory, name, document);
    Ok(Work {
        seed: operations("seed")?,
        history: operations("seed-history")?,
        laptops: (0..LAPTOPS)
            .map(|n| operations(&format!("client-{n}")))
            .collect::<Result<_, _>>()?,
        hub: operations("hub")?,
        after_seed: documents("expected-base")?,
        after_day: documents("expected-w2")?,
    })
}

fn lines(
    directory: &Path,
    name: &str,
    read: fn(&str) -> Result<Op, String>,
) -> Result<Vec<Op>, WorkError> {
    let (path, reader) = open(directory, name)?;
    let failed = |why: String| WorkError::File {
        path: path.clone(),
        why,
    };
    let mut operations = Vec::new();
    for (number, line) in BufReader::new(reader).lines().enumerate() {
        let line = line.map_err(|error| failed(error.to_string()))?;
        let operation = read(&line).map_err(|why| failed(format!("line {}: {why}", number + 1)))?;
        operations.push(operation);
    }
    Ok(operations)
}

/// `NAME.jsonl`, or else `NAME.jsonl.gz`.
fn open(directory: &Path, name: &str) -> Result<(PathBuf, Box<dyn Read>), WorkError> {
    let path = directory.join(format!("{name}.jsonl"));
    if let Ok(file) = File::open(&path) {
        return Ok((path, Box::new(file)));
    }
    let path = directory.join(format!("{name}.jsonl.gz"));
    match File::open(&path) {
        Ok(file) => Ok((path, Box::new(MultiGzDecoder::new(file)))),
        Err(error) => Err(WorkError::File {
            path,
            why: error.to_string(),
        }),
    }
}

fn operation(line: &str) -> Result<Op, String> {
    match serde_json::from_str(line).map_err(|error| error.to_string())? {
        Line::Create { id, doc } => created(id, doc),
        Line::Set { id, sets } => Ok(Op {
            id,
            kind: None,
            sets: sets
                .into_iter()
                .map(|(path, value)| Set { path, value })
                .collect(),
        }),
    }
}

fn document(line: &str) -> Result<Op, String> {
    let mut doc: Map<String, Value> =
        serde_json::from_str(line).map_err(|error| error.to_string())?;
    let id = doc.remove("id").ok_or("no id")?;
    created(
        serde_json::from_value(id).map_err(|error| error.to_string())?,
        doc,
    )
}

fn created(id: Uuid, mut doc: Map<String, Value>) -> Result<Op, String> {
    let kind = match doc.remove("kind").as_ref().and_then(Value::as_str) {
        Some("person") => Kind::Person,
        Some("session") => Kind::Session,
        other => return Err(format!("a document of the kind {other:?}")),
    };
    let maps = MAPS.map(|map| (map, doc.remove(map)));
    let mut sets: Vec<Set> = doc
        .into_iter()
        .map(|(field, value)| Set {
            path: vec![field],
            value,
        })
        .collect();
    for (map, entries) in maps {
        let Some(Value::Object(entries)) = entries else {
            continue;
        };
        sets.extend(entries.into_iter().map(|(key, value)| Set {
            path: vec![map.to_owned(), key],
            value,
        }));
    }
    Ok(Op {
        id,
        kind: Some(kind),
        sets,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "7c8019fd-5053-43ab-9d34-d1adfadb99b4";

    #[test]
    fn a_document_is_one_operation_with_its_registrations_before_its_marks() {
        let line = format!(
            r#"{{"op":"create","id":"{ID}","doc":{{"kind":"session","attendance":{{"a":1}},"registrations":{{"a":2}},"site":"X"}}}}"#
        );
        let op = operation(&line).unwrap();
        assert_eq!(
            (op.id.to_string().as_str(), op.kind),
            (ID, Some(Kind::Session))
        );
        let paths: Vec<String> = op.sets.iter().map(|set| set.path.join("/")).collect();
        assert_eq!(paths, ["site", "registrations/a", "attendance/a"]);
        let same = format!(
            r#"{{"id":"{ID}","kind":"session","registrations":{{"a":2}},"attendance":{{"a":1}},"site":"X"}}"#
        );
        assert_eq!(document(&same).unwrap(), op);
    }

    #[test]
    fn an_edit_keeps_its_order() {
        let line = format!(
            r#"{{"op":"set","id":"{ID}","sets":[[["phone"],"06"],[["attendance","a"],{{"mark":"late","at":3}}]]}}"#
        );
        let op = operation(&line).unwrap();
        assert_eq!(op.kind, None);
        assert_eq!(op.sets[0].value, json!("06"));
        assert_eq!(op.sets[1].path, ["attendance", "a"]);
    }

    #[test]
    fn files_are_read_plain_or_packed_and_errors_name_the_line() {
        use std::io::Write;
        let directory = tempfile::tempdir().unwrap();
        let packed = File::create(directory.path().join("seed.jsonl.gz")).unwrap();
        let mut packed = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
        writeln!(packed, r#"{{"op":"set","id":"{ID}","sets":[]}}"#).unwrap();
        packed.finish().unwrap();
        assert_eq!(lines(directory.path(), "seed", operation).unwrap().len(), 1);
        std::fs::write(directory.path().join("hub.jsonl"), "{}\n").unwrap();
        let error = lines(directory.path(), "hub", operation).unwrap_err();
        assert!(error.to_string().contains("hub.jsonl: line 1: "), "{error}");
        assert!(lines(directory.path(), "client-0", operation).is_err());
    }
}
