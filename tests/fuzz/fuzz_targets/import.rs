//! Looks for bytes that break the decoder « import »; see `tests/src/decoders`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::decoders::hunt("import", bytes));
