//! Looks for bytes that break the decoder « stick_at_hub »; see `tests/src/decoders`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::decoders::hunt("stick_at_hub", bytes));
