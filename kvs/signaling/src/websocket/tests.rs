use super::*;
use alloc::string::ToString;
use alloc::vec;
use smolrtc_crypto::RustCrypto;

fn decode(side: Side, bytes: &[u8], piece: usize) -> Result<Vec<Incoming>, WebSocketError> {
    let mut decoder = Decoder::new(side, 70_000);
    let mut out = Vec::new();
    for chunk in bytes.chunks(piece.max(1)) {
        let mut input = chunk;
        while let Some(incoming) = decoder.push(&mut input)? {
            out.push(incoming);
        }
        assert!(input.is_empty());
    }
    Ok(out)
}

#[test]
fn the_accept_key_of_rfc_6455_section_1_3() {
    let accept = accept_key(&RustCrypto, "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(client_key(*b"the sample nonce"), "dGhlIHNhbXBsZSBub25jZQ==");
    assert!(is_client_key("dGhlIHNhbXBsZSBub25jZQ=="));
    assert!(!is_client_key("dGhl"));
}

#[test]
fn the_frames_of_rfc_6455_section_5_7() {
    let hello = || Incoming::Text("Hello".into());
    let unmasked = [0x81, 5, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    assert_eq!(decode(Side::Client, &unmasked, 3).unwrap(), [hello()]);
    let masked = [
        0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
    for piece in 1..=masked.len() {
        assert_eq!(decode(Side::Server, &masked, piece).unwrap(), [hello()]);
    }
    let mut built = Vec::new();
    push_frame(
        &mut built,
        Opcode::Text,
        b"Hello",
        Some([0x37, 0xfa, 0x21, 0x3d]),
    );
    assert_eq!(built, masked);
    let fragmented = [1, 3, 0x48, 0x65, 0x6c, 0x80, 2, 0x6c, 0x6f];
    assert_eq!(decode(Side::Client, &fragmented, 1).unwrap(), [hello()]);
    let ping = [0x89, 5, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    assert_eq!(
        decode(Side::Client, &ping, 7).unwrap(),
        [Incoming::Ping(b"Hello".to_vec())]
    );
}

#[test]
fn every_length_form_survives_the_round_trip() {
    for len in [0, 1, 125, 126, 65_535, 65_536] {
        for mask in [None, Some([1, 2, 3, 4])] {
            let payload = vec![7; len];
            let mut bytes = Vec::new();
            push_frame(&mut bytes, Opcode::Binary, &payload, mask);
            let side = if mask.is_some() {
                Side::Server
            } else {
                Side::Client
            };
            assert_eq!(
                decode(side, &bytes, 1_000).unwrap(),
                [Incoming::Binary(payload)]
            );
        }
    }
}

#[test]
fn a_control_frame_between_fragments_comes_first() {
    let bytes = [1, 1, b'a', 0x8a, 0, 0x80, 1, b'b'];
    let expected = [Incoming::Pong(vec![]), Incoming::Text("ab".into())];
    for piece in 1..=bytes.len() {
        assert_eq!(decode(Side::Client, &bytes, piece).unwrap(), expected);
    }
}

#[test]
fn violations_are_named_and_have_a_close_code() {
    let cases: [(&[u8], WebSocketError); 14] = [
        (&[0xc1, 0], WebSocketError::ReservedBits),
        (&[0x83, 0], WebSocketError::ReservedBits),
        (&[0x81, 0x80], WebSocketError::Masking),
        (&[0x09, 0], WebSocketError::BadControlFrame),
        (&[0x89, 126], WebSocketError::BadControlFrame),
        (&[0x81, 126, 0, 125], WebSocketError::BadLength),
        (
            &[0x81, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
            WebSocketError::BadLength,
        ),
        (
            &[0x81, 127, 0x80, 0, 0, 0, 0, 1, 0, 0],
            WebSocketError::BadLength,
        ),
        (&[0x80, 0], WebSocketError::BadFragmentation),
        (&[1, 0, 0x81, 0], WebSocketError::BadFragmentation),
        (
            &[0x81, 127, 0, 0, 0, 0, 0, 2, 0, 0],
            WebSocketError::TooLong,
        ),
        (&[0x81, 1, 0xff], WebSocketError::NotUtf8),
        (&[0x88, 1, 3], WebSocketError::BadClose),
        (&[0x88, 2, 3, 237], WebSocketError::BadClose),
    ];
    for (bytes, error) in cases {
        assert_eq!(
            decode(Side::Client, bytes, 100).unwrap_err(),
            error,
            "{bytes:?}"
        );
    }
    assert_eq!(
        decode(Side::Server, &[0x81, 0], 2).unwrap_err(),
        WebSocketError::Masking
    );
    assert_eq!(WebSocketError::TooLong.close_code(), 1009);
}

#[test]
fn a_message_cannot_outgrow_the_cap_by_fragments() {
    let mut decoder = Decoder::new(Side::Client, 10);
    let mut input: &[u8] = &[1, 6, 1, 1, 1, 1, 1, 1, 0, 6];
    assert_eq!(decoder.push(&mut input), Err(WebSocketError::TooLong));
}

#[test]
fn a_close_carries_its_code_and_reason() {
    let mut bytes = [0; 4];
    assert_eq!(encode_close(&mut bytes, 1000, None), Ok(4));
    let close = |code, reason: &str| Incoming::Close {
        code,
        reason: reason.to_string(),
    };
    assert_eq!(decode(Side::Client, &bytes, 1).unwrap(), [close(1000, "")]);
    let mut away = Vec::new();
    push_frame(&mut away, Opcode::Close, b"\x03\xe9GO_AWAY", None);
    assert_eq!(
        decode(Side::Client, &away, 2).unwrap(),
        [close(1001, "GO_AWAY")]
    );
    assert_eq!(
        decode(Side::Client, &[0x88, 0], 2).unwrap(),
        [close(1005, "")]
    );
}
