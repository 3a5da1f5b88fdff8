#![no_main]

#[path = "../../tracker/src/frames/mod.rs"]
mod frames;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| frames::fuzz::connection(bytes));
