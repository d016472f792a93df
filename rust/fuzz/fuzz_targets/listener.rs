#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| webrtc_direct_fuzz::listener::run(data));
