#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wiresnap_fuzz::overwrite::check(data));
