//! Any bytes as a STUN message: no accessor panics, and what was understood survives being
//! written again.
#![no_main]

use smolrtc_crypto::RustCrypto;
use smolrtc_stun::{Builder, Key, Message, is_stun};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(message) = Message::parse(data) else {
        return;
    };
    // Methods from 0x100 on exist, but do not share a socket with DTLS (RFC 7983 section 7).
    assert_eq!(is_stun(data), data[0] <= 3);
    let key = Key::short_term(&RustCrypto, b"VOkJxbRl1RmTxUk/WvJxBt");
    let _ = message.check_integrity(&key);
    let _ = message.check_fingerprint();
    let _ = (
        message.username(),
        message.realm(),
        message.nonce(),
        message.software(),
    );
    let _ = (
        message.ice_controlled(),
        message.ice_controlling(),
        message.use_candidate(),
    );
    let _ = (
        message.peer_address(),
        message.relayed_address(),
        message.alternate_server(),
    );
    let _ = (message.lifetime(), message.data(), message.channel_number());
    let _ = (
        message.requested_transport(),
        message.requested_address_family(),
    );
    let _ = (message.error_code(), message.unknown_attributes().count());
    let _ = message.unknown_required(&[]).count();

    let mut buf = vec![0; data.len() + 32];
    let mut builder = Builder::new(
        &mut buf,
        message.class(),
        message.method(),
        message.transaction_id(),
    )
    .expect("room for a header");
    for attribute in message.attributes() {
        builder
            .attribute(attribute.ty, attribute.value)
            .expect("room for what was read");
    }
    builder.integrity(&key).expect("room for the integrity");
    builder.fingerprint().expect("room for the fingerprint");
    let len = builder.finish();
    let again = Message::parse(&buf[..len]).expect("what was written is well-formed");
    assert!(again.attributes().eq(message.attributes()));
    assert_eq!(again.mapped_address(), message.mapped_address());
    assert_eq!(again.priority(), message.priority());
    assert_eq!(again.check_integrity(&key), Ok(()));
    assert_eq!(again.check_fingerprint(), Ok(()));
});
