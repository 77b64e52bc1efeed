//! Any verbs in any order, with any bytes: no panic, no endless timer, no unbounded queue.
#![allow(
    clippy::unwrap_used,
    reason = "a test; helpers outside #[test] count as such"
)]

use kvs_message::{Body, ClientId, Outbound};
use kvs_signaling::{
    ChannelRef, Client, CloseReason, Config, Credentials, Event, Input, Role, StreamId,
};
use smolrtc_base::{Duration, Instant, Rng, SecretBytes, UnixTime};
use smolrtc_crypto::RustCrypto;

static PROVIDER: RustCrypto = RustCrypto;

const REPLIES: [&[u8]; 9] = [
    b"HTTP/1.1 200 OK\r\ncontent-length: 63\r\n\r\n{\"ChannelInfo\":{\"ChannelARN\":\"arn:aws:x\",\"ChannelName\":\"cam\"}}",
    b"HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\n{\"ResourceEndpointList\":[     ",
    b"HTTP/1.1 404 Not Found\r\nx-amzn-errortype: ResourceNotFoundException\r\ncontent-length: 2\r\n\r\n{}",
    b"HTTP/1.1 403 Forbidden\r\ndate: Tue, 14 Nov 2023 22:13:20 GMT\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    b"\x81\x02{}\x89\x00\x88\x00",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n16f\r\n",
    b"\x00\xff garbage",
];

fn endpoints() -> Vec<u8> {
    let body = r#"{"ResourceEndpointList":[{"Protocol":"WSS","ResourceEndpoint":"ws://h"},{"Protocol":"HTTPS","ResourceEndpoint":"http://h"}]}"#;
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[test]
fn any_order_of_verbs_leaves_the_client_sound() {
    let endpoints = endpoints();
    for seed in 0..300 {
        let mut rng = Rng::from_u64(seed);
        let channel = ChannelRef::parse("cam").unwrap();
        let mut config = Config::new(Role::Master, channel, "us-west-2").unwrap();
        config.create_channel = rng.below(2) == 0;
        let credentials = Credentials::new("AK", SecretBytes::from("SK"));
        let mut now = Instant::from_millis(1);
        let mut client = Client::new(now, config, credentials, rng.fork(), &PROVIDER).unwrap();
        let mut open: Vec<StreamId> = Vec::new();
        let mut last = StreamId(0);
        let mut buf = [0; 300];
        for _ in 0..400 {
            let id = if rng.below(4) == 0 {
                StreamId(rng.below(20))
            } else {
                last
            };
            match rng.below(12) {
                0 if open.contains(&id) => client.handle_input(now, Input::StreamOpened(id)),
                1 | 2 => {
                    let pick = rng.below(10) as usize;
                    let bytes = REPLIES.get(pick).copied().unwrap_or(&endpoints);
                    client.handle_input(now, Input::StreamBytes(id, bytes));
                }
                3 if open.contains(&id) => {
                    client.handle_input(now, Input::StreamClosed(id, CloseReason::Reset));
                    open.retain(|other| *other != id);
                }
                4 => client.handle_timeout(now),
                5 => now = now + Duration::from_millis(u64::from(rng.below(4_000))),
                6 => {
                    let to = ClientId::new("v").unwrap();
                    let _ = client.send(now, Outbound::to_viewer(to, Body::Answer("x".into())));
                }
                7 => client.refresh_ice_servers(now),
                8 => client.set_wall_clock(now, UnixTime::from_secs(1_700_000_000)),
                9 if rng.below(40) == 0 => client.shutdown(now),
                _ => {
                    while let Some(transmit) = client.poll_transmit(now, &mut buf) {
                        assert!(transmit.len > 0 && open.contains(&transmit.stream));
                    }
                }
            }
            if rng.below(3) > 0 {
                while let Some(event) = client.poll_event() {
                    match event {
                        Event::OpenStream { id, .. } => {
                            assert!(!open.contains(&id));
                            open.push(id);
                            last = id;
                        }
                        Event::CloseStream(id) => open.retain(|other| *other != id),
                        _ => {}
                    }
                }
                assert!(
                    open.len() <= 2,
                    "one stream for calls, one for the WebSocket"
                );
            }
            if let Some((at, reason)) = client.poll_timeout().filter(|(at, _)| *at <= now) {
                client.handle_timeout(now);
                while client.poll_transmit(now, &mut buf).is_some() {}
                let again = client.poll_timeout();
                assert!(
                    again.is_none_or(|(next, _)| next > at),
                    "{reason:?} again at {at:?}"
                );
            }
        }
    }
}
