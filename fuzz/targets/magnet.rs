#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| metainfo::fuzz::magnet(text));
