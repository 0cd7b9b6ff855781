//! Looks for bytes that break the decoder « change »; see `tests/src/decoders.rs`.
#![no_main]

use std::cell::OnceCell;

use libfuzzer_sys::fuzz_target;
use tests::decoders::Ground;

thread_local! {
    static GROUND: OnceCell<Ground> = const { OnceCell::new() };
}

fuzz_target!(|bytes: &[u8]| GROUND.with(|ground| ground.get_or_init(Ground::default).read("change", bytes)));
