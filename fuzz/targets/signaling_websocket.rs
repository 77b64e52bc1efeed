//! WebSocket decoder: no panic, bounded, the same answer however the bytes are cut; whatever it
//! yields survives encoding and decoding.
#![no_main]

use kvs_signaling::websocket::{Decoder, Incoming, Opcode, Side, WebSocketError, push_frame};
use libfuzzer_sys::fuzz_target;

const CAP: usize = 2_048;

fn decode(side: Side, bytes: &[u8], piece: usize) -> (Vec<Incoming>, Option<WebSocketError>) {
    let mut decoder = Decoder::new(side, CAP);
    let mut out = Vec::new();
    for chunk in bytes.chunks(piece) {
        let mut rest = chunk;
        loop {
            match decoder.push(&mut rest) {
                Ok(Some(incoming)) => out.push(incoming),
                Ok(None) => break,
                Err(error) => return (out, Some(error)),
            }
        }
        assert!(rest.is_empty());
    }
    (out, None)
}

fuzz_target!(|data: &[u8]| {
    for side in [Side::Client, Side::Server] {
        let whole = decode(side, data, data.len().max(1));
        assert_eq!(whole, decode(side, data, 1));
        let mask = (side == Side::Server).then_some([1, 2, 3, 4]);
        let mut again = Vec::new();
        for incoming in &whole.0 {
            match incoming {
                Incoming::Text(text) => {
                    assert!(text.len() <= CAP);
                    push_frame(&mut again, Opcode::Text, text.as_bytes(), mask);
                }
                Incoming::Binary(bytes) => push_frame(&mut again, Opcode::Binary, bytes, mask),
                Incoming::Ping(bytes) => push_frame(&mut again, Opcode::Ping, bytes, mask),
                Incoming::Pong(bytes) => push_frame(&mut again, Opcode::Pong, bytes, mask),
                Incoming::Close { code: 1005, .. } => {
                    push_frame(&mut again, Opcode::Close, b"", mask)
                }
                Incoming::Close { code, reason } => {
                    let body = [&code.to_be_bytes()[..], reason.as_bytes()].concat();
                    push_frame(&mut again, Opcode::Close, &body, mask);
                }
            }
        }
        assert_eq!(decode(side, &again, 7), (whole.0, None));
    }
});
