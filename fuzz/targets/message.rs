#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| tracker_protocol::fuzz::message(text));
