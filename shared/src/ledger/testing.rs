//! What tests of several layers look for: traces of somebody in the files of a store.

#![allow(clippy::unwrap_used)]

use std::path::Path;

/// The names of the files in `directory` that hold one of these texts, byte for byte.
pub(crate) fn files_with(directory: &Path, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(directory).unwrap() {
        let file = file.unwrap();
        let bytes = std::fs::read(file.path()).unwrap();
        let mut texts = texts.iter();
        if texts.any(|text| bytes.windows(text.len()).any(|w| w == text.as_bytes())) {
            found.push(file.file_name().into_string().unwrap());
        }
    }
    found
}
