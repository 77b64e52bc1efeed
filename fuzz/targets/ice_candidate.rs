//! Any text as a candidate line: what is understood survives being written again.
#![no_main]

use smolrtc_ice::{Candidate, Transport};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(line) = core::str::from_utf8(data) else {
        return;
    };
    let Ok(mut candidate) = Candidate::parse(line) else {
        return;
    };
    let written = candidate.to_string();
    assert!(!written.contains(['\r', '\n']));
    let mut again = Candidate::parse(&written).expect("what was written is well-formed");
    // A related address is made up where the standard demands one; an unknown transport has
    // lost its name.
    again.related = None;
    candidate.related = None;
    if candidate.transport == Transport::Other {
        again.transport = Transport::Other;
    }
    assert_eq!(again, candidate);
});
