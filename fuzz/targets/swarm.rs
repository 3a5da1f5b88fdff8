#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| swarm::fuzz::commands(bytes, &mut Default::default()));
