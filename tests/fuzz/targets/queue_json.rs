#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| caudal_fuzz::queue_json(data));
