//! Signaling messages: what was read is written and read back equal.
#![no_main]
use kvs_message::{Inbound, KeyCase, Outbound, decode_payload};
use libfuzzer_sys::fuzz_target;
use smolrtc_base::Limits;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = core::str::from_utf8(data) {
        let _ = decode_payload(text);
    }
    let Ok(mut message) = Inbound::parse(data, &Limits::HOST) else {
        return;
    };
    let mut wide = Limits::HOST;
    wide.signaling_message_bytes = usize::MAX;
    let outbound = Outbound {
        to: message.to.take(),
        body: message.body.clone(),
        correlation_id: message.correlation_id.take(),
    };
    let delivered = Inbound::parse(message.emit().as_bytes(), &wide).expect("our own text");
    assert_eq!(delivered, message);
    for keys in [KeyCase::Js, KeyCase::C] {
        // A status has no form in which a client would send it.
        if matches!(message.body, kvs_message::Body::Status(_)) {
            break;
        }
        let sent = Inbound::parse(outbound.emit(keys).as_bytes(), &wide).expect("our own text");
        assert_eq!((&sent.to, &sent.body), (&outbound.to, &outbound.body));
        assert_eq!(sent.correlation_id, outbound.correlation_id);
    }
});
