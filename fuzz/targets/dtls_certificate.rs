//! Somebody's certificate: finding the key never panics, and a P-256 key has 65 bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    smolrtc_dtls::fuzzing::certificate(data);
});
