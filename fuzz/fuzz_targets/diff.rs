#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wiresnap_fuzz::diff::check(data));
