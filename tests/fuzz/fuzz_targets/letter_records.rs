//! Looks for bytes that break the decoder « letter_records »; see `tests/src/decoders`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::decoders::hunt("letter_records", bytes));
