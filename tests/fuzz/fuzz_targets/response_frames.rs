//! Looks for bytes that break the decoder « response_frames »; see `tests/src/decoders`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::decoders::hunt("response_frames", bytes));
