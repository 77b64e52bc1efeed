//! Handshake message bodies and fragments: no panic, what can be written again is the same bytes,
//! reassembly keeps its limits and its order.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    smolrtc_dtls::fuzzing::messages(data);
    smolrtc_dtls::fuzzing::reassembly(data);
});
